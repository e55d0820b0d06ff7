use proptest::prelude::*;

use super::*;

fn all() -> Patterns {
    let names: Vec<String> = BUILT_IN.iter().map(|n| (*n).to_owned()).collect();
    Patterns::new(&names, &[]).unwrap()
}

fn only(name: &str) -> Patterns {
    Patterns::new(&[name.to_owned()], &[]).unwrap()
}

/// Each text, alone and within a sentence.
fn holds(name: &str, texts: &[&str]) {
    let (one, called) = (only(name), CALLED[BUILT_IN.iter().position(|n| *n == name).unwrap()]);
    for text in texts {
        for framed in [(*text).to_owned(), format!("Lessor, {text}, pays"), format!("({text})."), format!("é\u{a0}{text}\nand")]
        {
            assert_eq!(one.find(&framed).as_deref(), Some(called), "{framed:?}");
        }
    }
}

#[test]
fn email_addresses() {
    holds(
        "email",
        &["jane@example.com", "Jane.O'Neil+lease@mail.example.co.uk", "x@a.io", "a_b%c@sub-1.example.org", "q@xn--e1.xn--p1ai"],
    );
    holds("email", &["用户@例子.广告", "jörg@müller.example.de", "info@भारत.भारत", "a@b.мон"]);
    holds("email", &["mailto:jane@example.com?subject=x", "<jane@example.com>", "jane@example.com.Next", "jane@example.com-"]);
}

#[test]
fn phone_numbers() {
    holds("phone", &["(212) 555-0123", "(212)555-0123", "212-555-0123", "212.555.0123", "212 555 0123", "212 555-0123"]);
    holds(
        "phone",
        &["1-212-555-0123", "+1 212 555 0123", "+1 (212) 555-0123", "1 (212) 555-0123", "+12125550123", "1 (888) 555-0123"],
    );
    holds("phone", &["+44 20 7946 0958", "+44 (0)20 7946 0958", "+33.1.23.45.67.89", "+49-30-12345678", "+919876543210"]);
    holds("phone", &["212-555-0123x45", "Tel:212-555-0123", "5 212-555-0123 24", "212-555-0123,212-555-0199"]);
}

#[test]
fn social_security_numbers() {
    holds("ssn", &["123-45-6789", "001-01-0001", "899-99-9999", "SSN:123-45-6789", "665-12-3456", "000-12-3456 123-45-6789"]);
}

#[test]
fn credit_card_numbers() {
    // The numbers that the issuers and their processors give out for tests.
    holds("credit_card", &["4111111111111111", "4012888888881881", "4222222222222", "5555555555554444", "5105105105105100"]);
    holds("credit_card", &["2223003122003222", "378282246310005", "371449635398431", "30569309025904", "38520000023237"]);
    holds("credit_card", &["6011111111111117", "6011000990139424", "3530111333300000", "3566002020360505", "36227206271667"]);
    holds(
        "credit_card",
        &["4111 1111 1111 1111", "4111-1111-1111-1111", "3782 822463 10005", "3056 930902 5904", "4111 1111 1111 1111 12/27"],
    );
}

#[test]
fn separators_and_digits_of_any_kind_are_seen_through() {
    holds("phone", &["(212)\u{a0}555\u{2011}0123", "212–555–0123", "212\u{2009}555\u{202f}0123", "212·555·0123"]);
    holds(
        "phone",
        &["＋１ ２１２ ５５５ ０１２３", "(٢١٢) ٥٥٥-٠١٢٣", "212-5\u{ad}55-0\u{200b}123", "+44\u{a0}20\u{a0}7946\u{a0}0958"],
    );
    holds("phone", &["03ー1234ー5678, ０３ー１２３４ー５６７８ or +81 3ー1234ー5678"]);
    holds("ssn", &["123\u{2011}45\u{2010}6789", "123−45－6789", "1\u{200b}23-45-67\u{feff}89", "१२३-४५-६७८९"]);
    holds(
        "credit_card",
        &[
            "4111\u{a0}1111\u{202f}1111\u{2007}1111",
            "4111\u{2011}1111\u{2011}1111\u{2011}1111",
            "４１１１１１１１１１１１１１１１",
        ],
    );
    holds("email", &["ann\u{200b}@example.org", "ann＠example.org", "an\u{ad}n@exam\u{ad}ple．org", "ａｎｎ@example.org"]);
    // A footnote's mark is no digit of the number before it, and a dash between words is no hyphen.
    holds("phone", &["212-555-0123²", "Lessor–212-555-0123", "℡212-555-0123", "№212-555-0123"]);
}

#[test]
fn own_patterns_see_the_text_as_written_and_as_read() {
    let own = [("matter".to_owned(), r"\bM-\d{6}\b".to_owned()), ("mark".to_owned(), "\u{ad}".to_owned())];
    let patterns = Patterns::new(&[], &own).unwrap();
    assert_eq!(patterns.find("M\u{2011}123\u{200b}456").as_deref(), Some("matter"));
    assert_eq!(patterns.find("M-123456 x\u{ad}y").as_deref(), Some("matter and mark"));
    assert_eq!(patterns.find("M 123456 \u{a0}"), None);
}

#[test]
fn numbers_of_legal_text_are_none_of_these() {
    let patterns = all();
    let texts = [
        "",
        "a @ b",
        "@media",
        "user@localhost",
        "icon@2x.png",
        "pkg@1.2.3",
        "a@b",
        "@example.com",
        "jane@-x.com",
        "x.@example.com",
        "on 2024-01-15 and 01/15/2024, 15.01.2024, 20240115103000",
        "Section 12.4.3 and 12.4.3.1.7.10.11, §§ 1942.5-1950.7",
        "1,234,567.00 and $12,345,678,901.25 or 1.234.567.890,12",
        "29 CFR 1910.1200(a)(1), 42 U.S.C. 1395-1396, 15-16-17-18-19-20",
        "No. 2:21-cv-01234-ABC",
        "INV-212-555-0123",
        "212-555-0123-44",
        "1212-555-01234",
        "212-555-01234",
        "3.212.555.0123",
        "2125550123",
        "lot 402-118-2260",
        "123-456-7890",
        "(212) 055-0123",
        "(911) 555-0123",
        "212-911-0123",
        "292-555-0123",
        "+1 402-118-2260",
        "+1 212 555 012",
        "+12125550123456",
        "+999 20 7946 0958",
        "+210 20 7946 0958",
        "ann@例子",
        "ICON@2X.PNG",
        "100 200 300 400 5000 600 700 8000",
        "212 555 0123 999 888 7777 5",
        "rows 1 2 3 4 5 6 7 8 9 10 11 12 13 14",
        "550e8400-e29b-41d4-a716-446655440000",
        "12345678-1234-1234-1234-123456789012",
        "d41d8cd98f00b204e9800998ecf8427e",
        "4111111111111112",
        "1234567890123456",
        "9111111111111111",
        "0.4111111111111111",
        "41111111111111111111",
        "4111 1111 1111 1111 1111",
        "1234 4111 1111 1111 1111",
        "DE89 3704 0044 0532 0130 00",
        "a4111111111111111",
        "000-12-3456",
        "666-12-3456",
        "900-12-3456",
        "987-65-4321",
        "123-00-6789",
        "123-45-0000",
        "1123-45-6789",
        "123-45-67890",
        "A-123-45-6789",
        "123-45-6789-1",
        "12-3456789",
        "978-3-16-148410-0",
        "ISBN 9783161484100",
        "+123456789",
        "+1234567890123456",
        "x+1234567890123",
        "+0123456789012",
        "12345-6789",
        "192.168.100.200",
        "10:30:00.123456789+0000",
        "1.4e+1234567890",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "4111  1111  1111  1111",
        "4111-1111 1111-1111",
    ];
    for text in texts {
        assert_eq!(patterns.find(text), None, "{text:?}");
    }
}

#[test]
fn all_that_is_there_is_named_and_nothing_quoted() {
    let own = [("matter".to_owned(), r"\bM-\d{6}\b".to_owned()), ("never".to_owned(), "zzz".to_owned())];
    let names: Vec<String> = BUILT_IN.iter().rev().map(|n| (*n).to_owned()).collect();
    let patterns = Patterns::new(&names, &own).unwrap();
    let said = |text: &str| patterns.find(text).unwrap();
    assert_eq!(said("a@b.com"), "an e-mail address");
    assert_eq!(said("212-555-0123 or a@b.com, c@d.com"), "an e-mail address and a phone number");
    let every = "a@b.com 212-555-0123 123-45-6789 4111111111111111 M-123456";
    let names = "an e-mail address, a phone number, a social security number, a credit card number and matter";
    assert_eq!(said(every), names);
    assert_eq!(only("ssn").find("a@b.com 212-555-0123"), None);
    assert_eq!(Patterns::new(&[], &[]).unwrap().find(every), None);
}

#[test]
fn what_cannot_be_looked_for_is_refused() {
    let own = |text: &str| [("matter".to_owned(), text.to_owned())];
    let error = Patterns::new(&["mail".to_owned()], &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(error.message(), "'mail' is not a built-in pattern; the built-in patterns are email, phone, ssn and credit_card");
    let error = Patterns::new(&[], &own("(a")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(error.message(), "invalid pattern 'matter': unclosed group");
    let error = Patterns::new(&[], &own(r"\w{1000}{1000}")).unwrap_err();
    assert!(error.message().contains("size limit"), "{error}");
}

proptest! {
    #[test]
    fn any_text_is_looked_at(text in r"[0-9 ().+\-@a-zé]{0,80}") {
        all().find(&text);
    }

    #[test]
    fn a_number_is_found_wherever_it_stands(before in "[a-zé,\n ]{0,80}", after in "[\n, ][a-zé,\n ]{0,80}", n in 0..4usize) {
        let number = ["a@b.com", "212-555-0123", "123-45-6789", "4111111111111111"][n];
        let found = all().find(&format!("{before} {number}{after}"));
        prop_assert_eq!(found.as_deref(), Some(CALLED[n]));
    }

    #[test]
    fn longer_digits_hold_no_shorter_number(number in "[0-9]{20,60}") {
        prop_assert_eq!(all().find(&number), None);
    }
}
