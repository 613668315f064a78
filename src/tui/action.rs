//! THE table: everything a key can mean. Keys, footer, help, palette and `docs/keys.md` are made from it.

use super::available as may;
use super::keymap::Keymap;
use super::model::Model;

/// Where a key means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everywhere.
    Global,
    /// The matrix of containers and architectures.
    Images,
    /// Live builds.
    Builds,
    /// One container's architectures side by side.
    Inspect,
    /// The release wizard.
    Release,
}

impl Scope {
    /// Every scope, in the order help shows them.
    pub const ALL: [Scope; 5] = [Scope::Global, Scope::Images, Scope::Builds, Scope::Inspect, Scope::Release];

    /// Its name in keymaps and in the documentation.
    pub const fn name(self) -> &'static str {
        match self {
            Scope::Global => "global",
            Scope::Images => "images",
            Scope::Builds => "builds",
            Scope::Inspect => "inspect",
            Scope::Release => "release",
        }
    }
}

/// One row of the table.
pub struct Entry {
    /// What it is.
    pub action: Action,
    /// Its name in keymaps.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub help: &'static str,
    /// Its word in the footer; empty when it is not shown there.
    pub hint: &'static str,
    /// Where it works.
    pub scopes: &'static [Scope],
    /// Its keys, unless the user says otherwise.
    pub keys: &'static [&'static str],
    /// Whether it can be done now, and why not.
    pub enabled: fn(&Model) -> Result<(), &'static str>,
}

macro_rules! actions {
    ($($variant:ident $name:literal $hint:literal [$($scope:ident)+] [$($key:literal)*] $enabled:ident $help:literal;)+) => {
        /// What a key can mean.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "each is explained by its help in the table")]
        pub enum Action { $($variant),+ }

        /// The table, in the order of footer, help and palette.
        pub const ACTIONS: &[Entry] = &[$(Entry {
            action: Action::$variant,
            name: $name,
            help: $help,
            hint: $hint,
            scopes: &[$(Scope::$scope),+],
            keys: &[$($key),*],
            enabled: may::$enabled,
        }),+];
    };
}

actions! {
    // name, footer word, where, keys, when, what
    Build "build" "build" [Images Inspect Release] ["b"] build "Build what is marked, what the cursor is on, or what a release lacks";
    Open "open" "open" [Global] ["enter"] always "Open what the cursor is on; go on to the next step";
    Verify "verify" "verify" [Images Inspect Release] ["v"] verify "Run every check over what is marked, what the cursor is on, or what is to be released";
    Mark "mark" "mark" [Images Release Inspect] ["space"] always "Mark or choose; fold in a tree";
    Inspect "inspect" "" [Images Builds Release] ["i"] inspect "Look inside: both architectures side by side";
    Release "release" "release" [Images] ["p"] has_targets "Release the containers that are marked, or the one the cursor is on";
    MarkAll "mark-all" "" [Images Release] ["a"] has_targets "Mark everything; again: nothing";
    BuildAll "build-all" "" [Images] ["B"] has_targets "Build every target";
    VerifyAll "verify-all" "" [Images] ["V"] has_built "Run every check over every image";
    Test "test" "" [Images] ["t"] test "Run what is marked, or what the cursor is on, once in Docker or Podman: built and loaded first where that has to be";
    Load "load" "" [Images] ["L"] load "Put what is marked, or what the cursor is on, into Docker or Podman";
    Sort "sort" "" [Images] ["s"] has_targets "Sort by name, by state, by size, or as in the file";
    Edit "edit" "" [Images Inspect Release] ["e"] edit "Open the definition in $EDITOR; in a release, what is not committed";

    Cancel "cancel" "cancel" [Builds Release Images Inspect] ["x"] cancel "Stop this, or what is awaited";
    CancelAll "cancel-all" "" [Builds] ["X"] running "Stop everything that runs";
    Retry "retry" "retry" [Builds] ["r"] retry "Build what failed or was cancelled again";
    Layout "layout" "layout" [Builds] ["L"] has_tasks "Show one log, two, four or nine";
    Zoom "zoom" "zoom" [Builds] ["z"] has_tasks "Give the log the whole screen";
    Follow "follow" "" [Builds] ["f"] has_tasks "Follow the end of the log, or stay here";
    Wrap "wrap" "" [Builds] ["w"] has_tasks "Wrap long lines, or cut them";
    Times "times" "" [Builds] ["t"] has_tasks "Show when each line was said";
    Narrow "narrow" "" [Builds] ["&"] has_tasks "Show only lines that have a text";
    NextProblem "next-problem" "" [Builds] ["E"] has_tasks "The next line that begins like an error or a warning";
    SelectLines "select-lines" "" [Builds] ["v"] has_tasks "Select lines of the log, to copy them";
    Resort "sort-tasks" "" [Builds] ["="] has_tasks "Sort the list again: failed, running, queued, done";
    Stream "stream" "" [Builds] ["S"] always "Leave the screen and stream the logs to the terminal; again: back";
    OpenOutside "open-outside" "" [Builds] ["o"] log_file "Open the whole log in $PAGER";

    PreviousTab "previous-tab" "" [Inspect] ["["] always "The view before";
    NextTab "next-tab" "next view" [Inspect] ["]"] always "The next view";
    PreviousContainer "previous-container" "" [Inspect] ["<"] has_targets "The container before";
    NextContainer "next-container" "" [Inspect] [">"] has_targets "The next container";
    Differences "differences" "differences" [Inspect] ["D"] always "Show only what differs between architectures";

    AcceptWarnings "accept-warnings" "accept" [Release] ["W"] accept "Accept the warnings of the gates, with a reason for the receipt";
    WriteReceipt "write-receipt" "receipt" [Release] ["w"] has_receipt "Write the receipt into this folder";
    Replan "replan" "" [Release] ["r"] can_plan "Compute the plan again";

    ShowImages "images" "" [Global] ["1"] always "Containers and architectures";
    ShowBuilds "builds" "" [Global] ["2"] always "Live builds and their logs";
    ShowInspect "inspect-screen" "" [Global] ["3"] always "What is inside an image, and whether it is right";
    ShowRelease "release-screen" "" [Global] ["4"] always "The release wizard";
    Up "up" "" [Global] ["up" "k"] always "Up";
    Down "down" "" [Global] ["down" "j"] always "Down";
    Left "left" "" [Global] ["left" "h"] always "Left: the architecture before";
    Right "right" "" [Global] ["right" "l"] always "Right: the next architecture";
    PageUp "page-up" "" [Global] ["pgup" "ctrl-u" "u"] always "A page up; in Builds: the log";
    PageDown "page-down" "" [Global] ["pgdn" "ctrl-d" "d"] always "A page down; in Builds: the log";
    Top "top" "" [Global] ["g" "home"] always "To the beginning";
    Bottom "bottom" "" [Global] ["G" "end"] always "To the end; follow the log";
    FocusNext "focus-next" "next field" [Global] ["tab"] always "The next field, view or pane";
    FocusPrevious "focus-previous" "" [Global] ["shift-tab"] always "The field, view or pane before";
    Back "back" "back" [Global] ["esc"] always "Close, clear or go back; never quits";
    Filter "filter" "" [Global] ["/"] always "Filter a list; search a log or a config";
    NextMatch "next-match" "" [Global] ["n"] always "The next match";
    PreviousMatch "previous-match" "" [Global] ["N"] always "The match before";
    Copy "copy" "" [Global] ["y"] always "Copy what the cursor is on, or what is visible of a log";
    CopyAll "copy-all" "" [Builds Inspect Release] ["Y"] always "Copy the whole log, also what is in its file only; the value in a config; every line of the result";
    Palette "palette" "" [Global] [":" "ctrl-p"] always "Every command by name";
    Help "help" "" [Global] ["?" "f1"] always "The keys of this screen, searchable";
    Messages "messages" "" [Global] ["M"] always "Everything that was said";
    Theme "theme" "" [Global] ["T"] always "Choose a theme, with a preview";
    Mouse "mouse" "" [Global] ["m"] always "Mouse for this program, or for the terminal's own selection";
    Reload "reload" "" [Global] ["R" "f5"] always "Read containers.toml again";
    Redraw "redraw" "" [Global] ["ctrl-l"] always "Draw everything anew";
    Suspend "suspend" "" [Global] ["ctrl-z"] always "Back to the shell; `fg` returns";
    Interrupt "interrupt" "" [Global] ["ctrl-c"] always "Quit; a second time stops what runs, a third does not wait";
    Quit "quit" "" [Global] ["q"] always "Quit; asks while something runs";
}

impl Action {
    /// Its row of the table.
    pub fn entry(self) -> &'static Entry {
        // The macro lists variants and rows from the same lines, so the position is the discriminant.
        &ACTIONS[self as usize]
    }
}

/// `docs/keys.md`: the keys as the table has them.
pub fn keys_markdown() -> String {
    let keymap = Keymap::standard();
    let mut out = String::from(
        "# Keys\n\nMade from the action table (`src/tui/action.rs`); a test keeps it true. The same letter means the same on every \
         screen, and a capital has a wider scope.\nTo change one, write `[keys.SCOPE]` and `ACTION = [\"key\", …]` into `config.toml`.\n",
    );
    for scope in Scope::ALL {
        out.push_str(&format!("\n## {}\n\n| keys | action | what it does |\n|---|---|---|\n", scope.name()));
        for entry in ACTIONS.iter().filter(|e| e.scopes.contains(&scope)) {
            let keys: Vec<String> = keymap.keys(scope, entry.action).iter().map(|k| format!("`{k}`")).collect();
            out.push_str(&format!("| {} | `{}` | {} |\n", keys.join(" "), entry.name, entry.help));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_keys_are_the_keys() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/keys.md");
        if std::env::var_os("CATAMARAN_WRITE_DOCS").is_some() {
            std::fs::write(path, keys_markdown()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), keys_markdown(), "CATAMARAN_WRITE_DOCS=1 cargo test documented_keys renews it");
    }

    #[test]
    fn every_action_has_a_key_a_help_and_a_name_of_its_own() {
        for (position, entry) in ACTIONS.iter().enumerate() {
            assert_eq!(entry.action as usize, position);
            assert!(!entry.keys.is_empty() && !entry.help.is_empty(), "{}", entry.name);
            assert_eq!(ACTIONS.iter().filter(|e| e.name == entry.name).count(), 1, "{}", entry.name);
        }
    }
}
