//! The commands that errors suggest work when they are run.

use crate::sandbox::Sandbox;

#[test]
fn every_suggested_command_works() {
    let s = Sandbox::new();
    s.write("data/leases/train/a.jsonl", "{\"id\":1}\n");
    s.write("data/labels/labels.csv", "id,label\n1,x\n");
    s.ok("init");
    s.ok("dataset add leases --path data/leases");
    s.ok("dataset add labels --path data/labels");
    s.ok("commit -m first");
    s.write("data/leases/train/a.jsonl", "{\"id\":2}\n");
    s.ok("commit leases -m second --version 1.1.0");
    s.write("data/more/m.txt", "more\n");
    for (typed, suggested) in [
        ("diff leases@1.0.0 leases@1.1.0 data/leases/train", "hlx diff leases@1.0.0 leases@1.1.0 -- data/leases/train"),
        ("status data/leases --short", "hlx status leases --short"),
        ("status leases/", "hlx status leases"),
        ("clean -n data/leases/", "hlx clean -n leases"),
        ("commit data/labels -m 'the labels'", "hlx commit labels -m 'the labels'"),
        ("commit -m x -- data/leases/train/a.jsonl", "hlx commit -m x leases"),
        ("log data/leases/train/a.jsonl --oneline", "hlx log --oneline -- data/leases/train/a.jsonl"),
        ("-C data/labels status ../leases/train", "hlx -C data/labels status leases -- ../leases/train"),
        ("status data", "hlx status -- data"),
        ("show data/leases", "hlx show leases"),
        ("ls", "hlx ls leases"),
        ("show", "hlx show leases"),
        ("checkout leases/1.0.0", "hlx checkout leases@1.0.0"),
        ("checkout leases 1.1.0", "hlx checkout leases@1.1.0"),
        ("restore HEAD~1 -- data/leases/train/a.jsonl", "hlx restore data/leases/train/a.jsonl --source HEAD~1"),
        ("checkout -f -- data/leases/train/a.jsonl", "hlx restore -f data/leases/train/a.jsonl"),
        ("checkout data/leases/train", "hlx restore data/leases/train"),
        ("cat data/labels/labels.csv", "hlx cat labels@HEAD data/labels/labels.csv"),
        ("-C data/labels cat labels.csv", "hlx cat HEAD labels.csv"),
        ("-C data/labels tag production", "hlx -C data/labels tag add HEAD production"),
        ("tag add leases 'my tag'", "hlx tag add leases my-tag"),
        ("tag add gold leases", "hlx tag add leases gold"),
        ("run exec leases labels --model m true --lr 3", "hlx run exec leases labels --model m -- true --lr 3"),
        ("note add 'in euros' leases@1.0.0", "hlx note add leases@1.0.0 'in euros'"),
        ("run list m", "hlx run list --model m"),
        ("verify data/lease", "hlx verify data/leases"),
        ("checkout leases --include 'data/leases/train/**'", "'train/**'"),
        ("dataset add more data/more", "hlx dataset add more --path data/more"),
    ] {
        let failed = s.run(typed);
        assert_ne!(failed.code, 0, "hlx {typed}");
        assert!(failed.stderr.contains(suggested), "hlx {typed}: {}", failed.stderr);
        if let Some(line) = suggested.strip_prefix("hlx ") {
            let folder = if typed.starts_with("-C") && !line.starts_with("-C") { "-C data/labels " } else { "" };
            s.ok(&format!("{folder}{line}"));
        }
    }
}
