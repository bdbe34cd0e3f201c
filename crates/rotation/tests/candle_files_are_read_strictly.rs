//! What a candle file may look like, and how each fault is told.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use dreichor_rotation::{Market, Rotation};

const ROW_1: &str = "300,0.5,0.7,0.4,0.6,10";
const ROW_2: &str = "600,0.6,0.6,0.6,0.6,0";
const HEADER: &str = "open_time,open,high,low,close,volume";

/// The file's open times, or the message.
fn read(text: &str) -> Result<Vec<u64>, String> {
    let market = Market::parse("ETHBTC", "ETHBTC-5m.csv", text).map_err(|error| error.to_string())?;
    Ok(market.candles().iter().map(dreichor_rotation::Candle::open_time).collect())
}

#[test]
fn these_are_accepted() {
    for (what, text) in [
        ("no header", format!("{ROW_1}\n{ROW_2}\n")),
        ("a header", format!("{HEADER}\n{ROW_1}\n{ROW_2}\n")),
        ("no end of the last line", format!("{HEADER}\n{ROW_1}\n{ROW_2}")),
        ("lines that end with CR LF", format!("{HEADER}\r\n{ROW_1}\r\n{ROW_2}\r\n")),
        ("further columns", format!("{HEADER},trades,\n{ROW_1},17,\n{ROW_2},\"any thing\"\n")),
        ("further columns in some rows", format!("{ROW_1}\n{ROW_2},x,y,z\n")),
    ] {
        assert_eq!(read(&text), Ok(vec![300, 600]), "{what}");
    }
}

#[test]
fn each_fault_is_told_with_its_place_and_what_is_expected() {
    let after_row_1 = |line: &str| format!("{HEADER}\n{ROW_1}\n{line}\n");
    for (text, expected) in [
        (String::new(), ": no candle: expected lines of open_time,open,high,low,close,volume"),
        (format!("{HEADER}\n"), ": no candle: expected lines of open_time,open,high,low,close,volume"),
        (
            "open_time,open,high,low,volume,close\n".to_owned(),
            r#", line 1: column 5 (close) of the header is "volume": expected "close""#,
        ),
        ("open_time,open\n".to_owned(), r#", line 1: column 3 (high) of the header is "": expected "high""#),
        (
            format!("\u{feff}{HEADER}\n"),
            r#", line 1: column 1 (open_time) of the header is "\u{feff}open_time": expected "open_time""#,
        ),
        (after_row_1(""), ", line 3: the line is blank: expected open_time,open,high,low,close,volume"),
        (
            after_row_1("600,0.6,0.6,0.6,0.6"),
            ", line 3: column 6 (volume) is missing: expected open_time,open,high,low,close,volume",
        ),
        (
            after_row_1("600"),
            ", line 3: column 2 (open) is missing: expected open_time,open,high,low,close,volume",
        ),
        (
            after_row_1("+600,1,1,1,1,1"),
            r#", line 3: column 1 (open_time) is "+600": expected a whole number up to 18446744073709551615"#,
        ),
        (
            after_row_1("18446744073709551616,1,1,1,1,1"),
            r#", line 3: column 1 (open_time) is "18446744073709551616": expected a whole number up to 18446744073709551615"#,
        ),
        (
            after_row_1(HEADER),
            r#", line 3: column 1 (open_time) is "open_time": expected a whole number up to 18446744073709551615"#,
        ),
        (
            after_row_1("600,1,1,1,5e-05,1"),
            r#", line 3: column 5 (close) is "5e-05": expected a decimal such as 0.00005330, without sign, exponent or space"#,
        ),
        (
            after_row_1("600,1,1,1,1,1\rx"),
            r#", line 3: column 6 (volume) is "1\rx": expected a decimal such as 0.00005330, without sign, exponent or space"#,
        ),
        (
            after_row_1("600,0.123456789,1,1,1,1"),
            r#", line 3: column 2 (open) is "0.123456789": expected at most 8 digits after the point"#,
        ),
        (
            after_row_1("600,1,1,1,1,1234567890123"),
            r#", line 3: column 6 (volume) is "1234567890123": expected at most 12 digits before the point"#,
        ),
        (
            after_row_1("600,1,2,2,1,1"),
            ", line 3: low, open, close and high contradict each other: expected low <= open, close <= high",
        ),
        (
            after_row_1("600,1,1,1,2,1"),
            ", line 3: low, open, close and high contradict each other: expected low <= open, close <= high",
        ),
        (
            after_row_1("600,100,100,100,100,100000000000.00000001"),
            ", line 3: close times volume is over 10000000000000: expected a smaller quote value",
        ),
        (
            after_row_1(ROW_1),
            ", line 3: column 1 (open_time) is 300, after 300: expected strictly increasing times",
        ),
        (
            after_row_1("299,1,1,1,1,1"),
            ", line 3: column 1 (open_time) is 299, after 300: expected strictly increasing times",
        ),
    ] {
        assert_eq!(read(&text), Err(format!("ETHBTC-5m.csv{expected}")), "{text:?}");
    }
}

#[test]
fn a_long_wrong_field_is_shown_in_part() {
    let message = read(&"x".repeat(1_000_000)).unwrap_err();
    assert!(message.len() < 200, "{message}");
}

#[test]
fn the_largest_traded_value_is_accepted() {
    assert_eq!(read("1,100,100,100,100,100000000000\n"), Ok(vec![1]));
}

#[test]
fn a_market_is_named_in_form_and_given_once() {
    let message = Market::parse("ETH BTC", "a.csv", ROW_1).unwrap_err().to_string();
    assert_eq!(message, r#"market id "ETH BTC": expected 1 to 64 of A-Z a-z 0-9 . _ : / -"#);

    let market = |source_name| Market::parse("ETHBTC", source_name, ROW_1).unwrap();
    let message =
        Rotation::new(vec![market("a/ETHBTC-5m.csv"), market("b/ETHBTC.csv")]).unwrap_err().to_string();
    assert_eq!(
        message,
        "market ETHBTC stands in a/ETHBTC-5m.csv and in b/ETHBTC.csv: expected one source per market"
    );

    let message = Rotation::new(Vec::new()).unwrap_err().to_string();
    assert_eq!(message, "no market: expected the candles of at least one");
}
