//! Front end 2: the dashboard.
