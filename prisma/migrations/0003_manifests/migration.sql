-- Signed statements of what may run (docs/manifests.md). All three tables are insert-only for the server's role: a manifest only goes
-- forward, and what was once trusted or accepted stays on record.

CREATE TABLE "manifest" (
    "name" TEXT COLLATE "C" NOT NULL,
    "kind" TEXT COLLATE "C" NOT NULL CHECK ("kind" IN ('releases', 'configuration')),
    "author" TEXT NOT NULL,
    "added_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "manifest_pkey" PRIMARY KEY ("name")
);

CREATE TABLE "manifest_key" (
    "manifest" TEXT COLLATE "C" NOT NULL,
    "form" TEXT COLLATE "C" NOT NULL CHECK ("form" IN ('ed25519', 'ssh-ed25519')),
    "public_key" BYTEA NOT NULL CHECK (octet_length("public_key") = 32),
    CONSTRAINT "manifest_key_pkey" PRIMARY KEY ("manifest", "form", "public_key"),
    CONSTRAINT "manifest_key_manifest_fkey" FOREIGN KEY ("manifest") REFERENCES "manifest" ("name")
);

CREATE TABLE "manifest_statement" (
    "manifest" TEXT COLLATE "C" NOT NULL,
    "version" INTEGER NOT NULL CHECK ("version" > 0),
    "envelope" TEXT NOT NULL,
    "statement_sha256" BYTEA NOT NULL CHECK (octet_length("statement_sha256") = 32),
    "author" TEXT NOT NULL,
    "accepted_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "manifest_statement_pkey" PRIMARY KEY ("manifest", "version"),
    CONSTRAINT "manifest_statement_manifest_fkey" FOREIGN KEY ("manifest") REFERENCES "manifest" ("name")
);
