-- What the launcher said of the Landlock domain around its launch. Launches from before this column had none, and said nothing of it.
ALTER TABLE "launch" ADD COLUMN "confinement" TEXT COLLATE "C" NOT NULL DEFAULT 'unsaid'
    CHECK ("confinement" IN ('domain', 'asked', 'kernel', 'disabled', 'unsaid'));
