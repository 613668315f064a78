//! Front end 1: the command line.
