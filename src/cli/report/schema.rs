//! The JSON Schema of what `verify --json` prints.

use serde_json::{Value, json};

use crate::verify::{Check, Verdict};

/// The schema (JSON Schema draft 7). It allows nothing that is not described: a document of another version says so in `schema`.
pub(in crate::cli) fn report_schema() -> Value {
    let verdicts: Vec<&str> = Verdict::ALL.into_iter().map(Verdict::word).collect();
    let checks: Vec<Value> = Check::ALL.into_iter().map(|check| json!({ "const": check.id(), "description": check.about() })).collect();
    let text = |about: &str| json!({ "type": "string", "description": about });
    let count = |about: &str| json!({ "type": "integer", "minimum": 0, "description": about });
    let list = |of: &str, about: &str| json!({ "type": "array", "items": { "$ref": format!("#/definitions/{of}") }, "description": about });
    let refer = |of: &str| json!({ "$ref": format!("#/definitions/{of}") });
    let object = |required: &[&str], properties: Value| json!({ "type": "object", "required": required, "additionalProperties": false, "properties": properties });
    let mut schema = object(
        &["schema", "verdict", "reports"],
        json!({
            "schema": { "const": 1, "description": "version of this document" },
            "verdict": refer("verdict"),
            "reports": list("report", "one per image"),
            "unread": list("unread", "what could not be read, so that nothing is said of it; the verdict is `fail` then"),
            "error": refer("failure"),
            "unused_waivers": list("waiver", "waivers of containers.toml that have expired, or match nothing any more"),
        }),
    );
    let report = object(
        &["subject", "digest", "platform", "checks"],
        json!({
            "subject": text("what was asked for, with the platform for members of an index"),
            "digest": refer("digest"),
            "platform": refer("platform"),
            "checks": list("check-result", "every check, in the order of `catamaran verify --list`"),
            "waivers": list("waiver", "the waivers of containers.toml that are for this image"),
        }),
    );
    let kind = json!({
        "enum": ["usage", "network", "failed", "interrupted"],
        "description": "a mistake of the command line or the configuration; network, registry or credentials; a damaged image; a cancel",
    });
    let unread = object(
        &["subject", "kind", "message"],
        json!({
            "subject": text("what was asked for, with the platform for members of an index"),
            "kind": kind,
            "message": text("what happened, to what"),
            "hint": text("what to do"),
        }),
    );
    let mut failure = object(&["kind", "message"], json!({ "kind": kind, "message": text("what happened"), "hint": text("what to do") }));
    failure["description"] = "what ended the run before everything was looked at; the verdict is `fail` then".into();
    let platform = json!({
        "type": "object",
        "required": ["architecture", "os"],
        "description": "as in an OCI image index",
        "properties": { "architecture": { "type": "string" }, "os": { "type": "string" }, "variant": { "type": "string" } },
    });
    let result = object(
        &["check", "verdict", "summary"],
        json!({
            "check": refer("check"),
            "verdict": refer("verdict"),
            "summary": text("one line: what was looked at, and how many findings there are"),
            "findings": list("finding", "the first 100"),
        }),
    );
    let finding = object(
        &["verdict", "expected", "found", "advice"],
        json!({
            "verdict": refer("verdict"),
            "path": text("the path in the image, without leading slash"),
            "layer": refer("digest"),
            "expected": text("what it should be"),
            "found": text("what it is"),
            "advice": text("what to do"),
            "waived": refer("waived"),
        }),
    );
    let waived = object(
        &["verdict", "reason"],
        json!({ "verdict": { "enum": ["warn", "fail"], "description": "what it would be" }, "reason": text("why it does not count") }),
    );
    let waiver = object(
        &["check", "reason", "line", "findings"],
        json!({
            "check": refer("check"),
            "path": text("the pattern of paths it is for; every finding of the check without one"),
            "reason": text("why"),
            "until": { "type": "string", "format": "date", "description": "the last day on which it counts" },
            "line": count("its line in containers.toml"),
            "expired": { "type": "boolean" },
            "findings": count("how many findings it waived"),
        }),
    );
    schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    schema["title"] = "What `catamaran verify --json` prints".into();
    schema["definitions"] = json!({
        "verdict": { "enum": verdicts, "description": "from best to worst" },
        "check": { "oneOf": checks },
        "digest": { "type": "string", "pattern": "^sha256:[0-9a-f]{64}$" },
        "platform": platform,
        "unread": unread,
        "failure": failure,
        "report": report,
        "check-result": result,
        "finding": finding,
        "waived": waived,
        "waiver": waiver,
    });
    schema
}

#[cfg(test)]
mod tests {
    use super::super::tests::{a_report, with};
    use super::*;

    #[test]
    fn the_documented_schema_of_reports_is_the_schema() {
        crate::cli::schema::tests::is_documented("report.schema.json", &report_schema());
    }

    #[test]
    fn every_key_of_a_full_report_is_described_and_the_other_way_round() {
        let document = with(Verdict::Fail, |v| serde_json::to_value(v).unwrap());
        let schema = report_schema();
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let described = |name: &str| keys(&schema["definitions"][name]["properties"]);
        assert_eq!(keys(&document), keys(&schema["properties"]));
        assert_eq!(keys(&document["unread"][0]), described("unread"));
        let report = &document["reports"][0];
        assert_eq!(keys(report), described("report"));
        let result = report["checks"].as_array().unwrap().iter().find(|c| c.get("findings").is_some()).unwrap();
        assert_eq!(keys(result), described("check-result"));
        assert_eq!(keys(&result["findings"][1]), described("finding"));
        assert_eq!(keys(&result["findings"][1]["waived"]), described("waived"));
        assert_eq!(keys(&report["waivers"][0]), described("waiver"));
        assert_eq!(serde_json::from_value::<crate::verify::Report>(report.clone()).unwrap(), a_report());
    }
}
