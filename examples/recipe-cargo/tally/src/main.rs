//! tally [--top N] [--json]: counts the words of its standard input.

use std::io::Read;

use lexopt::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut top, mut json) = (5, false);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("top") => top = arguments.value()?.parse()?,
            Long("json") => json = true,
            Long("version") => {
                println!("tally {}", env!("CARGO_PKG_VERSION"));
                return Ok(());
            }
            _ => return Err(argument.unexpected().into()),
        }
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let report = report::Report::new(count::words(&text), top);
    if json {
        println!("{}", report.json());
    } else {
        print!("{}", report.lines());
    }
    Ok(())
}
