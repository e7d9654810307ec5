"""The commands, a file each. Each imports what it needs when it runs, so that `--help` is quick and `features` does not
load XGBoost."""
