//! Ctrl-C: a study stops between two steps and shows what it has.

use nn::train::Interrupt;

/// What a shell reports of a program that an interrupt ended.
const INTERRUPTED: i32 = 130;

/// An interrupt that ctrl-C requests, from now on. A second ctrl-C ends the program at once.
///
/// # Errors
/// If the operating system refuses, or this was called before.
pub fn on_ctrl_c() -> Result<Interrupt, ctrlc::Error> {
    let interrupt = Interrupt::new();
    let handler = interrupt.clone();
    ctrlc::set_handler(move || {
        if handler.is_requested() {
            std::process::exit(INTERRUPTED);
        }
        eprintln!("\nInterrupted: finishing what is under way. Once more ends the program at once.");
        handler.request();
    })?;
    Ok(interrupt)
}
