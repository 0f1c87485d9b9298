//! Settings: `KEY = value` files below ORDERS_CONFIG_DIR, then ORDERS_* variables.

use std::collections::HashMap;
use std::path::Path;

#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    pub environment: String,
    pub listen: String,
    pub workers: usize,
    pub max_orders: usize,
}

impl Config {
    pub fn load() -> Result<Config, String> {
        let dir = std::env::var("ORDERS_CONFIG_DIR").unwrap_or_else(|_| "config".into());
        let environment =
            std::env::var("ORDERS_ENVIRONMENT").unwrap_or_else(|_| "development".into());
        let mut values = HashMap::new();
        for name in ["default", environment.as_str()] {
            let path = Path::new(&dir).join(format!("{name}.conf"));
            match std::fs::read_to_string(&path) {
                Ok(text) => parse(&text, &mut values).map_err(|e| format!("{path:?}: {e}"))?,
                Err(e) if name == "default" => return Err(format!("{path:?}: {e}")),
                Err(_) => {}
            }
        }
        Config::from_values(environment, &values)
    }

    fn from_values(
        environment: String,
        values: &HashMap<String, String>,
    ) -> Result<Config, String> {
        let get = |key: &str| -> Result<String, String> {
            std::env::var(format!("ORDERS_{}", key.to_uppercase()))
                .ok()
                .or_else(|| values.get(key).cloned())
                .ok_or_else(|| format!("{key} is not set"))
        };
        let number = |key: &str| -> Result<usize, String> {
            get(key)?.parse().map_err(|_| format!("{key} is not a number"))
        };
        Ok(Config {
            environment,
            listen: get("listen")?,
            workers: number("workers")?,
            max_orders: number("max_orders")?,
        })
    }
}

fn parse(text: &str, into: &mut HashMap<String, String>) -> Result<(), String> {
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) =
            line.split_once('=').ok_or_else(|| format!("line {}: no '='", at + 1))?;
        into.insert(key.trim().to_string(), value.trim().to_string());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_files_win() {
        let mut values = HashMap::new();
        parse("listen = 0.0.0.0:1\nworkers=1\nmax_orders = 5\n", &mut values).unwrap();
        parse("# production\nworkers = 8\n", &mut values).unwrap();
        let config = Config::from_values("test".into(), &values).unwrap();
        assert_eq!(config.workers, 8);
        assert_eq!(config.max_orders, 5);
    }
}
