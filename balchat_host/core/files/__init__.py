"""Files: how they are cut and named, who wants them, and what of them is here. The law is docs/spec/files.md."""
