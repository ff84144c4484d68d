-- The lineage, from the first row on.
--
-- Evidence tables are insert-only by privilege: the server's role has no right to change or delete a row (src/lineage/privileges.ts).
-- Names of constraints and indexes are the ones Prisma derives from schema.prisma, so that its drift check stays quiet.
-- Text that is compared or indexed uses the "C" collation: ids are bytes, and prefixes must be found by index on any cluster.

CREATE TABLE "installation" (
    "id" UUID NOT NULL,
    "trust_domain" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "installation_pkey" PRIMARY KEY ("id")
);
-- One installation per database, whatever two first starts at once do.
CREATE UNIQUE INDEX "installation_one" ON "installation" ((true));

CREATE TABLE "bundle_state" (
    "one" BOOLEAN NOT NULL DEFAULT true CHECK ("one"),
    "sequence" BIGINT NOT NULL DEFAULT 0,
    CONSTRAINT "bundle_state_pkey" PRIMARY KEY ("one")
);
INSERT INTO "bundle_state" DEFAULT VALUES;

CREATE TABLE "authority" (
    "key_id" TEXT COLLATE "C" NOT NULL,
    "kind" TEXT COLLATE "C" NOT NULL CHECK ("kind" IN ('x509', 'jwt')),
    "stage" TEXT COLLATE "C" NOT NULL CHECK ("stage" IN ('prepared', 'active', 'retired')),
    "public" BYTEA NOT NULL,
    "not_before" TIMESTAMPTZ(3) NOT NULL,
    "not_after" TIMESTAMPTZ(3) NOT NULL,
    "prepared_at" TIMESTAMPTZ(3) NOT NULL,
    "activated_at" TIMESTAMPTZ(3),
    "retired_at" TIMESTAMPTZ(3),
    CONSTRAINT "authority_pkey" PRIMARY KEY ("key_id")
);

CREATE TABLE "rule" (
    "name" TEXT COLLATE "C" NOT NULL,
    "current" INTEGER NOT NULL CHECK ("current" > 0),
    CONSTRAINT "rule_pkey" PRIMARY KEY ("name")
);

CREATE TABLE "rule_version" (
    "name" TEXT COLLATE "C" NOT NULL,
    "version" INTEGER NOT NULL CHECK ("version" > 0),
    "canonical" TEXT NOT NULL,
    "content_sha256" BYTEA NOT NULL CHECK (octet_length("content_sha256") = 32),
    "author" TEXT NOT NULL,
    "applied_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "rule_version_pkey" PRIMARY KEY ("name", "version"),
    CONSTRAINT "rule_version_name_fkey" FOREIGN KEY ("name") REFERENCES "rule" ("name")
);

CREATE TABLE "device" (
    "id" UUID NOT NULL,
    "machine_id" TEXT COLLATE "C" NOT NULL,
    "hostname" TEXT NOT NULL,
    "os" TEXT NOT NULL,
    "kernel" TEXT NOT NULL,
    "assurance" TEXT COLLATE "C" NOT NULL,
    "first_seen_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "device_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "device_machine_id_key" ON "device" ("machine_id");

CREATE TABLE "person" (
    "id" UUID NOT NULL,
    "kind" TEXT COLLATE "C" NOT NULL,
    "name" TEXT COLLATE "C" NOT NULL,
    "uid" BIGINT NOT NULL,
    "device_id" UUID NOT NULL,
    "first_seen_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "person_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "person_device_id_fkey" FOREIGN KEY ("device_id") REFERENCES "device" ("id")
);
CREATE UNIQUE INDEX "person_device_id_uid_name_key" ON "person" ("device_id", "uid", "name");

CREATE TABLE "evidence" (
    "digest" BYTEA NOT NULL CHECK (octet_length("digest") = 32),
    "canonical" BYTEA NOT NULL,
    "process_key" TEXT COLLATE "C" NOT NULL,
    "seen_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "evidence_pkey" PRIMARY KEY ("digest")
);
CREATE INDEX "evidence_process_key_idx" ON "evidence" ("process_key");

-- Delegations, agents and launches are written once each and few: their foreign keys cost nothing and keep a chain from dangling.
-- agent_id has none: agent and delegation would point at each other and could not be restored one table after the other.
CREATE TABLE "delegation" (
    "id" UUID NOT NULL,
    "parent_id" UUID,
    "agent_id" UUID NOT NULL,
    "person_id" UUID,
    "assurance" TEXT COLLATE "C" NOT NULL,
    "given" TEXT COLLATE "C" NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "ends_at" TIMESTAMPTZ(3) NOT NULL,
    "stop_code" TEXT COLLATE "C",
    "stop_reason" TEXT,
    CONSTRAINT "delegation_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "delegation_parent_id_fkey" FOREIGN KEY ("parent_id") REFERENCES "delegation" ("id"),
    CONSTRAINT "delegation_person_id_fkey" FOREIGN KEY ("person_id") REFERENCES "person" ("id")
);
CREATE INDEX "delegation_parent_id_idx" ON "delegation" ("parent_id");
CREATE INDEX "delegation_person_id_idx" ON "delegation" ("person_id");

CREATE TABLE "agent" (
    "id" UUID NOT NULL,
    "name" TEXT COLLATE "C" NOT NULL,
    "device_id" UUID NOT NULL,
    "delegation_id" UUID NOT NULL,
    "launch_id" UUID,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "agent_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "agent_device_id_fkey" FOREIGN KEY ("device_id") REFERENCES "device" ("id"),
    CONSTRAINT "agent_delegation_id_fkey" FOREIGN KEY ("delegation_id") REFERENCES "delegation" ("id")
);
CREATE INDEX "agent_name_idx" ON "agent" ("name");
CREATE INDEX "agent_started_at_idx" ON "agent" ("started_at");
CREATE INDEX "agent_delegation_id_idx" ON "agent" ("delegation_id");

CREATE TABLE "launch" (
    "id" UUID NOT NULL,
    "agent_id" UUID NOT NULL,
    "device_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "task" TEXT NOT NULL,
    "program_path" TEXT NOT NULL,
    "program_sha256" BYTEA NOT NULL CHECK (octet_length("program_sha256") = 32),
    "argument_count" INTEGER NOT NULL,
    "process_key" TEXT COLLATE "C" NOT NULL,
    "uid" BIGINT NOT NULL,
    "user_name" TEXT NOT NULL,
    "terminal" BOOLEAN NOT NULL,
    "opened_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "launch_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "launch_agent_id_fkey" FOREIGN KEY ("agent_id") REFERENCES "agent" ("id"),
    CONSTRAINT "launch_device_id_fkey" FOREIGN KEY ("device_id") REFERENCES "device" ("id")
);
CREATE INDEX "launch_agent_id_idx" ON "launch" ("agent_id");
CREATE INDEX "launch_device_id_opened_at_idx" ON "launch" ("device_id", "opened_at");

-- From here on rows come with every process and every credential. No foreign keys: each would be an index probe and a row lock per
-- insert, on rows that all inserts share. What they would check, one statement already writes together.
CREATE TABLE "process" (
    "key" TEXT COLLATE "C" NOT NULL,
    "device_id" UUID NOT NULL,
    "agent_id" UUID NOT NULL,
    "launch_id" UUID,
    "via_process_key" TEXT COLLATE "C",
    "pid" INTEGER NOT NULL,
    "uid" BIGINT NOT NULL,
    "start_ticks" TEXT COLLATE "C" NOT NULL,
    "evidence_digest" BYTEA NOT NULL,
    "seen_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "process_pkey" PRIMARY KEY ("key")
);
CREATE INDEX "process_device_id_pid_seen_at_idx" ON "process" ("device_id", "pid", "seen_at");
CREATE INDEX "process_agent_id_idx" ON "process" ("agent_id");

-- serial stands first in the key: within a partition the day is constant, and the same index finds a serial or its prefix.
CREATE TABLE "credential" (
    "serial" UUID NOT NULL,
    "day" DATE NOT NULL,
    "kind" TEXT COLLATE "C" NOT NULL,
    "spiffe_id" TEXT COLLATE "C" NOT NULL,
    "audience" TEXT[],
    "issued_at" TIMESTAMPTZ(3) NOT NULL,
    "not_before" TIMESTAMPTZ(3) NOT NULL,
    "not_after" TIMESTAMPTZ(3) NOT NULL,
    "recorded_at" TIMESTAMPTZ(3) NOT NULL,
    "authority_key_id" TEXT COLLATE "C" NOT NULL,
    "public_key_sha256" BYTEA,
    "process_key" TEXT COLLATE "C",
    "agent_id" UUID,
    "delegation_id" UUID,
    "evidence_digest" BYTEA,
    "rule_name" TEXT COLLATE "C",
    "rule_version" INTEGER,
    "device_id" UUID,
    "record" BYTEA NOT NULL,
    CONSTRAINT "credential_pkey" PRIMARY KEY ("serial", "day")
) PARTITION BY RANGE ("day");
CREATE INDEX "credential_spiffe_id_issued_at_idx" ON "credential" ("spiffe_id", "issued_at");
CREATE INDEX "credential_agent_id_issued_at_idx" ON "credential" ("agent_id", "issued_at");
CREATE INDEX "credential_process_key_issued_at_idx" ON "credential" ("process_key", "issued_at");
CREATE INDEX "credential_issued_at_idx" ON "credential" ("issued_at");

CREATE TABLE "event" (
    "id" UUID NOT NULL,
    "day" DATE NOT NULL,
    "kind" TEXT COLLATE "C" NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "reference" TEXT COLLATE "C",
    "code" TEXT COLLATE "C",
    "agent_id" UUID,
    "process_key" TEXT COLLATE "C",
    "record" BYTEA NOT NULL,
    CONSTRAINT "event_pkey" PRIMARY KEY ("id", "day")
) PARTITION BY RANGE ("day");
CREATE INDEX "event_at_idx" ON "event" ("at");
CREATE INDEX "event_kind_at_idx" ON "event" ("kind", "at");
CREATE INDEX "event_agent_id_at_idx" ON "event" ("agent_id", "at");
CREATE INDEX "event_process_key_idx" ON "event" ("process_key");
CREATE INDEX "event_reference_idx" ON "event" ("reference");

CREATE TABLE "ended" (
    "kind" TEXT COLLATE "C" NOT NULL,
    "id" TEXT COLLATE "C" NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "reason" TEXT NOT NULL,
    CONSTRAINT "ended_pkey" PRIMARY KEY ("kind", "id")
);

-- Makes the daily partitions of `days` days from `first_day` on and returns how many were missing. It runs with the owner's rights and
-- is all the server's role may call, so both arguments are bounded: a server gone bad must not fill the catalogue.
-- There is no default partition: a row there would block the real partition of its day for ever.
-- Attaching instead of creating in place takes a lock that lets inserts into other days go on.
CREATE FUNCTION "lineage_partitions"(first_day DATE, days INTEGER) RETURNS INTEGER
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    parent TEXT;
    child TEXT;
    one_day DATE;
    made INTEGER := 0;
BEGIN
    IF days IS NULL OR days NOT BETWEEN 1 AND 62 THEN
        RAISE EXCEPTION 'between 1 and 62 days at once' USING ERRCODE = '22023';
    END IF;
    IF first_day IS NULL OR first_day NOT BETWEEN current_date - 400 AND current_date + 400 THEN
        RAISE EXCEPTION 'the first day is more than 400 days from the day of the database' USING ERRCODE = '22023';
    END IF;
    -- Two servers at once: the second one finds the partitions made.
    PERFORM pg_advisory_xact_lock(7270736901);
    FOREACH parent IN ARRAY ARRAY['credential', 'event'] LOOP
        FOR i IN 0 .. days - 1 LOOP
            one_day := first_day + i;
            child := format('%s_%s', parent, to_char(one_day, 'YYYYMMDD'));
            IF to_regclass(format('public.%I', child)) IS NULL THEN
                EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', child, parent);
                EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                    parent, child, one_day, one_day + 1);
                made := made + 1;
            END IF;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;
REVOKE ALL ON FUNCTION "lineage_partitions"(DATE, INTEGER) FROM PUBLIC;
