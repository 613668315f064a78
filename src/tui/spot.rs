//! What a place on the screen is, for the mouse: noted while it is drawn, so that what is clicked is what was seen there.

use super::action::Action;
use super::model::Screen;
use super::screen::inspect::Tab;
use super::screen::release::Step;

/// What a place on the screen is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spot {
    /// The tab of a screen.
    Screen(Screen),
    /// A key with what it does: a click does it.
    Do(Action),
    /// A row, from 0, of the list that is in front.
    Row(usize),
    /// What marks that row, or switches it on and off.
    Mark(usize),
    /// A row and a column of the images: 0 is the name, then the architectures.
    Cell(usize, usize),
    /// The title of a view of an image.
    View(Tab),
    /// An architecture of the image that is looked at.
    Architecture(usize),
    /// A step of the wizard.
    Step(Step),
    /// The line between the list of builds and their logs.
    Divider,
    /// All that an overlay leaves of the screen below.
    Beside,
    /// An overlay, where nothing else is.
    Frame,
}
