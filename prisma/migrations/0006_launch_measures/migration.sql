-- What the node measured of a launch before its program ran, beside the program: script, package, configuration (docs/records.md). Canonical
-- JSON; empty where nothing was measured, as in launches from before this column.
ALTER TABLE "launch" ADD COLUMN "measures" TEXT NOT NULL DEFAULT '' CHECK (octet_length("measures") <= 8192);
