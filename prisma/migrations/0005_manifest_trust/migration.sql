-- Keys of a manifest can follow one another: each counts from a version on, until a higher version brings others. What was there before
-- counted from the beginning. Nothing is changed or deleted, so which key counted for which statement stays on record.

ALTER TABLE "manifest_key"
    ADD COLUMN "from_version" INTEGER NOT NULL DEFAULT 1 CHECK ("from_version" > 0),
    DROP CONSTRAINT "manifest_key_pkey",
    ADD CONSTRAINT "manifest_key_pkey" PRIMARY KEY ("manifest", "from_version", "form", "public_key");
