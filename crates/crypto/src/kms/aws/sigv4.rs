//! Signature Version 4 of AWS: a request is signed by a key derived from the secret one.
//!
//! As documented in the AWS General Reference ("Create a signed AWS API request") and tested with the
//! suite AWS published for it.

use super::credentials::AccessKey;
use crate::kms::KmsError;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, Tag, sign};
use ringfence_policy::display::hex;
use ringfence_policy::time;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::SystemTime;
use zeroize::Zeroizing;

/// What a signature is made with.
pub(super) struct Signing<'a> {
    pub(super) credentials: &'a AccessKey,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    pub(super) at: SystemTime,
}

impl Signing<'_> {
    /// The headers to add to a request: its time, the session and the signature. `query` is encoded
    /// already; `headers` have names in lower case.
    pub(super) fn headers(
        &self,
        method: &str,
        path: &str,
        query: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Vec<(&'static str, String)>, KmsError> {
        let (date, time) = stamp(self.at);
        let mut signed: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in headers {
            add(&mut signed, name, value);
        }
        add(&mut signed, "x-amz-date", &time);
        let session = self.credentials.session()?;
        if let Some(session) = session {
            add(&mut signed, "x-amz-security-token", session);
        }
        let names = signed.keys().cloned().collect::<Vec<_>>().join(";");
        let mut request = format!("{method}\n{path}\n{}\n", sorted(query));
        for (name, value) in &signed {
            let _ = writeln!(request, "{name}:{value}");
        }
        let _ = write!(request, "\n{names}\n{}", hash(body));
        let scope = format!("{date}/{}/{}/aws4_request", self.region, self.service);
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hash(request.as_bytes()));
        let signature = hex(sign(&self.key(&date), text.as_bytes()).as_ref());
        let id = self.credentials.id();
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}"
        );
        let mut added = vec![("x-amz-date", time), ("authorization", authorization)];
        added.extend(session.map(|session| ("x-amz-security-token", session.to_owned())));
        Ok(added)
    }

    /// The key of a day, a region and a service.
    fn key(&self, date: &str) -> Key {
        let secret = Zeroizing::new([b"AWS4", self.credentials.secret()].concat());
        let next = |key: &Key, text: &str| -> Tag { sign(key, text.as_bytes()) };
        let day = next(&Key::new(HMAC_SHA256, &secret), date);
        let region = next(&Key::new(HMAC_SHA256, day.as_ref()), self.region);
        let service = next(&Key::new(HMAC_SHA256, region.as_ref()), self.service);
        let request = next(&Key::new(HMAC_SHA256, service.as_ref()), "aws4_request");
        Key::new(HMAC_SHA256, request.as_ref())
    }
}

/// A header as it is signed: without spaces around, and one where there are several.
fn add(signed: &mut BTreeMap<String, String>, name: &str, value: &str) {
    let value = value.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    let known = signed.entry(name.to_owned()).or_default();
    if !known.is_empty() {
        known.push(',');
    }
    known.push_str(&value);
}

/// A query in the order of its names and values.
fn sorted(query: &str) -> String {
    let mut parts: Vec<&str> = query.split('&').filter(|part| !part.is_empty()).collect();
    parts.sort_unstable();
    parts.join("&")
}

fn hash(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

/// `20150830` and `20150830T123600Z`, UTC.
fn stamp(at: SystemTime) -> (String, String) {
    let time = time::written(time::seconds(at)).replace(['-', ':'], "");
    (time.chars().take(8).collect(), time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    const HOST: (&str, &str) = ("host", "example.amazonaws.com");

    /// A request of the suite: its name there, and what of it is not always the same.
    struct Case {
        name: &'static str,
        method: &'static str,
        query: &'static str,
        headers: &'static [(&'static str, &'static str)],
        body: &'static [u8],
        signature: &'static str,
    }

    const GET: Case = Case {
        name: "get-vanilla",
        method: "GET",
        query: "",
        headers: &[HOST],
        body: b"",
        signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    };

    const SUITE: [Case; 6] = [
        GET,
        Case {
            name: "post-vanilla",
            method: "POST",
            signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ..GET
        },
        Case {
            name: "get-vanilla-query-order-key-case",
            query: "Param2=value2&Param1=value1",
            signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ..GET
        },
        Case {
            name: "get-header-value-trim",
            headers: &[HOST, ("my-header1", " value1"), ("my-header2", " \"a   b   c\"")],
            signature: "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
            ..GET
        },
        Case {
            name: "get-header-key-duplicate",
            headers: &[
                HOST,
                ("my-header1", "value2"),
                ("my-header1", "value2"),
                ("my-header1", "value1"),
            ],
            signature: "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
            ..GET
        },
        Case {
            name: "post-x-www-form-urlencoded",
            method: "POST",
            headers: &[("content-type", "application/x-www-form-urlencoded"), HOST],
            body: b"Param1=value1",
            signature: "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ..GET
        },
    ];

    fn authorization(case: &Case, session: Option<&str>) -> String {
        let credentials = AccessKey::new(
            "AKIDEXAMPLE",
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
            session.map(Into::into),
        );
        // 2015-08-30 12:36:00.
        let at = UNIX_EPOCH + Duration::from_mins(24_015_636);
        let signing =
            Signing { credentials: &credentials, region: "us-east-1", service: "service", at };
        let added = signing.headers(case.method, "/", case.query, case.headers, case.body).unwrap();
        assert_eq!(added[0], ("x-amz-date", "20150830T123600Z".to_owned()));
        added.into_iter().find(|(name, _)| *name == "authorization").unwrap().1
    }

    #[test]
    fn requests_are_signed_as_in_the_suite_of_aws() {
        for case in SUITE {
            let authorization = authorization(&case, None);
            let end = format!("Signature={}", case.signature);
            assert!(authorization.ends_with(&end), "{}: {authorization}", case.name);
            let begin =
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, ";
            assert!(authorization.starts_with(begin), "{}: {authorization}", case.name);
        }
    }

    #[test]
    fn the_session_token_is_signed_with_the_rest() {
        let with = authorization(&GET, Some("session"));
        assert!(with.contains("SignedHeaders=host;x-amz-date;x-amz-security-token,"), "{with}");
        assert_ne!(with, authorization(&GET, Some("another")));
    }
}
