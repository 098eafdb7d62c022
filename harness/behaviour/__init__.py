"""How a served model behaves: evasion by topic and language, obedience to injected text, code."""
