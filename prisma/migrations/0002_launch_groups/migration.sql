-- How the members of a launch are known. Both columns of a launch are null where it was opened before this migration.

-- The control group that the launcher was moved out of when its launch got one of its own; null where it got none.
ALTER TABLE "launch" ADD COLUMN "group_from" TEXT;
-- Why it got none.
ALTER TABLE "launch" ADD COLUMN "group_missing" TEXT;
-- How a process of a launch is known to belong to it; null outside launches.
ALTER TABLE "process" ADD COLUMN "membership" TEXT COLLATE "C" CHECK ("membership" IN ('pinned', 'ancestor', 'cgroup'));
