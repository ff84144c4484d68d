-- Trust domains whose SVIDs may be told to agents, and the newest bundle of each (docs/federation.md). A relationship that ended stays on
-- record without its bundle; one of the same trust domain that follows is another row.

CREATE TABLE "federation" (
    "id" UUID NOT NULL,
    "trust_domain" TEXT COLLATE "C" NOT NULL,
    "url" TEXT COLLATE "C" NOT NULL,
    "profile" TEXT COLLATE "C" NOT NULL CHECK ("profile" IN ('https_web', 'https_spiffe')),
    "endpoint_id" TEXT COLLATE "C",
    "web_ca" TEXT COLLATE "C",
    "author" TEXT NOT NULL,
    "added_at" TIMESTAMPTZ(3) NOT NULL,
    "document" BYTEA,
    "document_at" TIMESTAMPTZ(3),
    "fetched" BOOLEAN NOT NULL DEFAULT false,
    "removed_at" TIMESTAMPTZ(3),
    CONSTRAINT "federation_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "federation_proof_check"
        CHECK ((("profile" = 'https_spiffe') = ("endpoint_id" IS NOT NULL)) AND ("profile" = 'https_web' OR "web_ca" IS NULL)),
    CONSTRAINT "federation_bundle_check"
        CHECK ((("document" IS NULL) = ("document_at" IS NULL)) AND ("removed_at" IS NULL OR "document" IS NULL))
);
-- One relationship for one trust domain, whatever two administrators do at once.
CREATE UNIQUE INDEX "federation_current" ON "federation" ("trust_domain") WHERE "removed_at" IS NULL;
