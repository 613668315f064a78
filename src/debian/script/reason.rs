//! Why commands and triggers have nothing to do in an image, where it is the same for both.

pub(super) const BOOT: &str = "an image does not boot";
pub(super) const CACHE: &str = "a cache for desktops, used only when it is there";
pub(super) const MODULES: &str = "a list that spares programs opening all their modules; without it they are opened";
pub(super) const DOCUMENTATION: &str = "indexes of documentation";
