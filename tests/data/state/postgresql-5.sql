SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE SCHEMA ropewalk;
CREATE FUNCTION ropewalk.ledger_append_only() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RAISE restrict_violation USING MESSAGE = 'the ledger is append-only'; END $$;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE ropewalk.acceptances (
    release text NOT NULL,
    digest character varying(64) NOT NULL,
    by text NOT NULL,
    at character varying(32) NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE ropewalk.approvals (
    release text NOT NULL,
    user_id bigint NOT NULL,
    username text NOT NULL,
    level bigint NOT NULL,
    at character varying(32) NOT NULL COLLATE pg_catalog."C",
    sha character varying(64) NOT NULL
);
CREATE TABLE ropewalk.attempts (
    release text NOT NULL,
    number bigint NOT NULL,
    target text NOT NULL,
    item text NOT NULL,
    outcome character varying(16) NOT NULL,
    at character varying(32) NOT NULL COLLATE pg_catalog."C",
    reason text NOT NULL,
    again boolean NOT NULL,
    retry_at character varying(32) COLLATE pg_catalog."C"
);
CREATE TABLE ropewalk.board (
    name text NOT NULL,
    text text NOT NULL,
    at character varying(32) NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE ropewalk.branch_patterns (
    project_id bigint NOT NULL,
    pattern text NOT NULL
);
CREATE TABLE ropewalk.branches (
    project_id bigint NOT NULL,
    name text NOT NULL,
    sha character varying(64) NOT NULL
);
CREATE TABLE ropewalk.commands (
    note_id bigint NOT NULL,
    project_id bigint NOT NULL,
    home character varying(16) NOT NULL,
    iid bigint NOT NULL,
    stage character varying(16) NOT NULL,
    heard_at character varying(32) NOT NULL COLLATE pg_catalog."C",
    due_at character varying(32) COLLATE pg_catalog."C",
    tries bigint NOT NULL,
    author_id bigint,
    username text NOT NULL,
    written_at character varying(32) COLLATE pg_catalog."C",
    why text NOT NULL,
    answers json NOT NULL
);
CREATE TABLE ropewalk.cursors (
    name character varying(64) NOT NULL,
    moment character varying(32) COLLATE pg_catalog."C",
    text text
);
CREATE TABLE ropewalk.deliveries (
    id text NOT NULL,
    digest character varying(64) NOT NULL,
    at character varying(32) NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE ropewalk.files (
    release text NOT NULL,
    filename text NOT NULL,
    kind character varying(8) NOT NULL,
    sha256 character varying(64) NOT NULL,
    size bigint NOT NULL,
    name text NOT NULL,
    version text NOT NULL,
    origin text NOT NULL,
    job_id bigint,
    problem text NOT NULL
);
CREATE TABLE ropewalk.findings (
    identity text NOT NULL,
    rule character varying(8) NOT NULL,
    severity bigint NOT NULL,
    project text NOT NULL,
    resource text NOT NULL,
    scope text NOT NULL,
    first_seen character varying(32) NOT NULL COLLATE pg_catalog."C",
    last_seen character varying(32) NOT NULL COLLATE pg_catalog."C",
    fixed_at character varying(32) COLLATE pg_catalog."C",
    reason text
);
CREATE TABLE ropewalk.heads (
    project_id bigint NOT NULL,
    project text NOT NULL,
    branch text NOT NULL,
    sha character varying(64) NOT NULL,
    seen_at character varying(32) NOT NULL COLLATE pg_catalog."C",
    due_at character varying(32) COLLATE pg_catalog."C",
    tries bigint NOT NULL,
    told text NOT NULL
);
CREATE TABLE ropewalk.holds (
    project_id bigint NOT NULL,
    ref text NOT NULL,
    by text NOT NULL,
    since character varying(32) NOT NULL COLLATE pg_catalog."C",
    until character varying(32) COLLATE pg_catalog."C",
    reason text NOT NULL
);
CREATE TABLE ropewalk.hook_places (
    name text NOT NULL,
    hook_id bigint,
    fingerprint character varying(64) NOT NULL,
    looked_at character varying(32) NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE ropewalk.ledger (
    sequence bigint NOT NULL,
    at character varying(32) NOT NULL COLLATE pg_catalog."C",
    kind character varying(16) NOT NULL,
    place text NOT NULL,
    words text NOT NULL,
    outcome character varying(16) NOT NULL,
    target text NOT NULL,
    item text NOT NULL,
    number bigint NOT NULL,
    "where" text NOT NULL,
    file text NOT NULL,
    sha256 character varying(64) NOT NULL,
    previous character varying(64) NOT NULL,
    digest character varying(64) NOT NULL
);
CREATE TABLE ropewalk.looks (
    project_id bigint NOT NULL,
    urgency bigint NOT NULL,
    hinted boolean NOT NULL,
    asked_at character varying(32) NOT NULL COLLATE pg_catalog."C",
    due_at character varying(32) NOT NULL COLLATE pg_catalog."C",
    tries bigint NOT NULL
);
CREATE TABLE ropewalk.merge_requests (
    key text NOT NULL,
    mark text NOT NULL,
    at character varying(32) NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE ropewalk.names (
    name text NOT NULL,
    project_id bigint NOT NULL
);
CREATE TABLE ropewalk.projects (
    id bigint NOT NULL,
    full_path text NOT NULL,
    web_url text NOT NULL,
    default_branch text,
    enrolled_at character varying(32) NOT NULL COLLATE pg_catalog."C",
    compared_at character varying(32) COLLATE pg_catalog."C",
    seen_at character varying(32) COLLATE pg_catalog."C",
    left_at character varying(32) COLLATE pg_catalog."C"
);
CREATE TABLE ropewalk.readings (
    name character varying(64) NOT NULL,
    at character varying(32) NOT NULL COLLATE pg_catalog."C",
    reading json NOT NULL
);
CREATE TABLE ropewalk.receipts (
    id bigint NOT NULL,
    release text NOT NULL,
    target text NOT NULL,
    kind character varying(16) NOT NULL,
    "where" text NOT NULL,
    file text NOT NULL,
    sha256 character varying(64) NOT NULL,
    at character varying(32) NOT NULL COLLATE pg_catalog."C"
);
CREATE SEQUENCE ropewalk.receipts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE ropewalk.receipts_id_seq OWNED BY ropewalk.receipts.id;
CREATE TABLE ropewalk.redeliveries (
    key text NOT NULL,
    at character varying(32) NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE ropewalk.ref_changes (
    id bigint NOT NULL,
    project_id bigint NOT NULL,
    project text NOT NULL,
    kind character varying(8) NOT NULL,
    ref text NOT NULL,
    sha character varying(64) NOT NULL,
    action character varying(8) NOT NULL,
    source character varying(8) NOT NULL,
    at character varying(32) NOT NULL COLLATE pg_catalog."C"
);
CREATE SEQUENCE ropewalk.ref_changes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE ropewalk.ref_changes_id_seq OWNED BY ropewalk.ref_changes.id;
CREATE TABLE ropewalk.releases (
    key text NOT NULL,
    project_id bigint NOT NULL,
    project text NOT NULL,
    kind character varying(8) NOT NULL,
    ref text NOT NULL,
    sha character varying(64) NOT NULL,
    state character varying(16) NOT NULL,
    version text,
    source character varying(16) NOT NULL,
    source_reason text NOT NULL,
    next text,
    created_at character varying(32) NOT NULL COLLATE pg_catalog."C",
    updated_at character varying(32) NOT NULL COLLATE pg_catalog."C",
    asked_at character varying(32) NOT NULL COLLATE pg_catalog."C",
    due_at character varying(32) COLLATE pg_catalog."C",
    turn bigint NOT NULL,
    wake bigint NOT NULL,
    wake_seen bigint DEFAULT '0'::bigint NOT NULL,
    faults bigint NOT NULL,
    gates json NOT NULL,
    targets json NOT NULL,
    requests json NOT NULL,
    heard_at character varying(32) COLLATE pg_catalog."C",
    fence bigint DEFAULT '0'::bigint NOT NULL
);
CREATE TABLE ropewalk.replicas (
    id text NOT NULL,
    host text NOT NULL,
    pid bigint NOT NULL,
    version text NOT NULL,
    work text NOT NULL,
    started_at character varying(32) NOT NULL COLLATE pg_catalog."C",
    beat_at character varying(32) NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE ropewalk.requests_begun (
    id character varying(32) NOT NULL,
    at character varying(32) NOT NULL COLLATE pg_catalog."C",
    words text NOT NULL,
    place text NOT NULL
);
CREATE TABLE ropewalk.schema_version (
    version integer NOT NULL
);
CREATE TABLE ropewalk.sendings (
    place character varying(32) NOT NULL,
    token character varying(32) NOT NULL,
    boot text NOT NULL,
    lock text NOT NULL,
    inode text NOT NULL,
    until character varying(32) NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE ropewalk.tags (
    project_id bigint NOT NULL,
    name text NOT NULL,
    sha character varying(64) NOT NULL
);
CREATE TABLE ropewalk.token_lists (
    place text NOT NULL,
    kind character varying(16) NOT NULL,
    project_id bigint,
    read_at character varying(32) COLLATE pg_catalog."C",
    trouble text NOT NULL
);
CREATE TABLE ropewalk.tokens (
    place text NOT NULL,
    kind character varying(16) NOT NULL,
    token_id bigint NOT NULL,
    project_id bigint,
    expires_on character varying(10) COLLATE pg_catalog."C",
    publishes boolean NOT NULL
);
ALTER TABLE ONLY ropewalk.receipts ALTER COLUMN id SET DEFAULT nextval('ropewalk.receipts_id_seq'::regclass);
ALTER TABLE ONLY ropewalk.ref_changes ALTER COLUMN id SET DEFAULT nextval('ropewalk.ref_changes_id_seq'::regclass);
INSERT INTO ropewalk.acceptances VALUES ('42/v1.1.0@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'digest of old', 'by of old', '2026-08-03T12:00:00.000000Z');
INSERT INTO ropewalk.approvals VALUES ('42/v1.1.0@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 7, 'username of old', 40, '2026-08-03T12:00:00.000000Z', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa');
INSERT INTO ropewalk.attempts VALUES ('42/v1.1.0@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 7, 'index:x', 'widget.whl', 'accepted', '2026-08-03T12:00:00.000000Z', 'reason of old', false, '2026-08-03T12:00:00.000000Z');
INSERT INTO ropewalk.branch_patterns VALUES (42, 'pattern of old');
INSERT INTO ropewalk.branches VALUES (42, 'name of old', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa');
INSERT INTO ropewalk.commands VALUES (7, 42, 'merge_request', 7, 'done', '2026-08-03T12:00:00.000000Z', '2026-08-03T12:00:00.000000Z', 7, 7, 'username of old', '2026-08-03T12:00:00.000000Z', 'why of old', '{}');
INSERT INTO ropewalk.cursors VALUES ('name of old', '2026-08-03T12:00:00.000000Z', 'text of old');
INSERT INTO ropewalk.deliveries VALUES ('id of old', 'digest of old', '2026-08-03T12:00:00.000000Z');
INSERT INTO ropewalk.files VALUES ('42/v1.1.0@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'filename of old', 'wheel', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 7, 'name of old', 'version of old', 'origin of old', 7, 'problem of old');
INSERT INTO ropewalk.findings VALUES ('identity of old', 'rule of ', 3, 'acme/tools/widget', 'resource of old', 'scope of old', '2026-08-03T12:00:00.000000Z', '2026-08-03T12:00:00.000000Z', '2026-08-03T12:00:00.000000Z', 'reason of old');
INSERT INTO ropewalk.heads VALUES (42, 'acme/tools/widget', 'branch of old', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', '2026-08-03T12:00:00.000000Z', '2026-08-03T12:00:00.000000Z', 7, 'told of old');
INSERT INTO ropewalk.holds VALUES (42, 'v1.1.0', 'by of old', '2026-08-03T12:00:00.000000Z', '2026-08-03T12:00:00.000000Z', 'reason of old');
INSERT INTO ropewalk.hook_places VALUES ('name of old', 7, 'fingerprint of old', '2026-08-03T12:00:00.000000Z');
INSERT INTO ropewalk.ledger VALUES (1, '2026-08-03T12:00:00.000000Z', 'attempt', '42/v1.1.0@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'index:x widget.whl', 'accepted', 'index:x', 'widget.whl', 7, '', '', '', '0000000000000000000000000000000000000000000000000000000000000000', '993544350e6a9542e96ffbb091dd115ca2c3e0b16ba4828b2ce5867b061b803d');
INSERT INTO ropewalk.ledger VALUES (2, '2026-08-03T12:00:00.000000Z', 'receipt', '42/v1.1.0@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'widget.whl stands on index:x', 'upload', 'index:x', '', 0, 'where of old', 'widget.whl', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', '993544350e6a9542e96ffbb091dd115ca2c3e0b16ba4828b2ce5867b061b803d', 'd832f0c88b3811cacf862fde28c62477768b4627475866764bffe6b6a2087af9');
INSERT INTO ropewalk.looks VALUES (42, 7, false, '2026-08-03T12:00:00.000000Z', '2026-08-03T12:00:00.000000Z', 7);
INSERT INTO ropewalk.merge_requests VALUES ('key of old', 'mark of old', '2026-08-03T12:00:00.000000Z');
INSERT INTO ropewalk.names VALUES ('name of old', 42);
INSERT INTO ropewalk.projects VALUES (42, 'full_path of old', 'web_url of old', 'default_branch of old', '2026-08-03T12:00:00.000000Z', '2026-08-03T12:00:00.000000Z', '2026-08-03T12:00:00.000000Z', '2026-08-03T12:00:00.000000Z');
INSERT INTO ropewalk.receipts VALUES (7, '42/v1.1.0@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'index:x', 'upload', 'where of old', 'widget.whl', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', '2026-08-03T12:00:00.000000Z');
INSERT INTO ropewalk.redeliveries VALUES ('key of old', '2026-08-03T12:00:00.000000Z');
INSERT INTO ropewalk.ref_changes VALUES (7, 42, 'acme/tools/widget', 'tag', 'v1.1.0', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'created', 'artifact', '2026-08-03T12:00:00.000000Z');
INSERT INTO ropewalk.releases VALUES ('42/v1.1.0@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 42, 'acme/tools/widget', 'tag', 'v1.1.0', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'published', 'version of old', 'artifacts', 'source_reason of old', 'next of old', '2026-08-03T12:00:00.000000Z', '2026-08-03T12:00:00.000000Z', '2026-08-03T12:00:00.000000Z', NULL, 3, 1, 1, 0, '[]', '[]', '{"ref": 2}', '2026-08-03T12:00:00.000000Z', 7);
INSERT INTO ropewalk.requests_begun VALUES ('id of old', '2026-08-03T12:00:00.000000Z', 'words of old', 'place of old');
INSERT INTO ropewalk.schema_version VALUES (5);
INSERT INTO ropewalk.tags VALUES (42, 'name of old', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa');
INSERT INTO ropewalk.token_lists VALUES ('place of old', 'kind of old', 7, '2026-08-03T12:00:00.000000Z', 'trouble of old');
INSERT INTO ropewalk.tokens VALUES ('place of old', 'kind of old', 7, 7, '2026-08-03', false);
SELECT pg_catalog.setval('ropewalk.receipts_id_seq', 1, false);
SELECT pg_catalog.setval('ropewalk.ref_changes_id_seq', 1, false);
ALTER TABLE ONLY ropewalk.acceptances
    ADD CONSTRAINT acceptances_pkey PRIMARY KEY (release, digest);
ALTER TABLE ONLY ropewalk.approvals
    ADD CONSTRAINT approvals_pkey PRIMARY KEY (release, user_id);
ALTER TABLE ONLY ropewalk.attempts
    ADD CONSTRAINT attempts_pkey PRIMARY KEY (release, number);
ALTER TABLE ONLY ropewalk.board
    ADD CONSTRAINT board_pkey PRIMARY KEY (name);
ALTER TABLE ONLY ropewalk.branch_patterns
    ADD CONSTRAINT branch_patterns_pkey PRIMARY KEY (project_id, pattern);
ALTER TABLE ONLY ropewalk.branches
    ADD CONSTRAINT branches_pkey PRIMARY KEY (project_id, name);
ALTER TABLE ONLY ropewalk.commands
    ADD CONSTRAINT commands_pkey PRIMARY KEY (note_id);
ALTER TABLE ONLY ropewalk.cursors
    ADD CONSTRAINT cursors_pkey PRIMARY KEY (name);
ALTER TABLE ONLY ropewalk.deliveries
    ADD CONSTRAINT deliveries_pkey PRIMARY KEY (id);
ALTER TABLE ONLY ropewalk.files
    ADD CONSTRAINT files_pkey PRIMARY KEY (release, filename);
ALTER TABLE ONLY ropewalk.findings
    ADD CONSTRAINT findings_pkey PRIMARY KEY (identity);
ALTER TABLE ONLY ropewalk.heads
    ADD CONSTRAINT heads_pkey PRIMARY KEY (project_id);
ALTER TABLE ONLY ropewalk.holds
    ADD CONSTRAINT holds_pkey PRIMARY KEY (project_id, ref);
ALTER TABLE ONLY ropewalk.hook_places
    ADD CONSTRAINT hook_places_pkey PRIMARY KEY (name);
ALTER TABLE ONLY ropewalk.ledger
    ADD CONSTRAINT ledger_digest_key UNIQUE (digest);
ALTER TABLE ONLY ropewalk.ledger
    ADD CONSTRAINT ledger_pkey PRIMARY KEY (sequence);
ALTER TABLE ONLY ropewalk.looks
    ADD CONSTRAINT looks_pkey PRIMARY KEY (project_id);
ALTER TABLE ONLY ropewalk.merge_requests
    ADD CONSTRAINT merge_requests_pkey PRIMARY KEY (key);
ALTER TABLE ONLY ropewalk.names
    ADD CONSTRAINT names_pkey PRIMARY KEY (name);
ALTER TABLE ONLY ropewalk.projects
    ADD CONSTRAINT projects_pkey PRIMARY KEY (id);
ALTER TABLE ONLY ropewalk.readings
    ADD CONSTRAINT readings_pkey PRIMARY KEY (name);
ALTER TABLE ONLY ropewalk.receipts
    ADD CONSTRAINT receipts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY ropewalk.receipts
    ADD CONSTRAINT receipts_release_target_file_sha256_key UNIQUE (release, target, file, sha256);
ALTER TABLE ONLY ropewalk.redeliveries
    ADD CONSTRAINT redeliveries_pkey PRIMARY KEY (key);
ALTER TABLE ONLY ropewalk.ref_changes
    ADD CONSTRAINT ref_changes_pkey PRIMARY KEY (id);
ALTER TABLE ONLY ropewalk.ref_changes
    ADD CONSTRAINT ref_changes_project_id_ref_sha_action_key UNIQUE (project_id, ref, sha, action);
ALTER TABLE ONLY ropewalk.releases
    ADD CONSTRAINT releases_pkey PRIMARY KEY (key);
ALTER TABLE ONLY ropewalk.replicas
    ADD CONSTRAINT replicas_pkey PRIMARY KEY (id);
ALTER TABLE ONLY ropewalk.requests_begun
    ADD CONSTRAINT requests_begun_pkey PRIMARY KEY (id);
ALTER TABLE ONLY ropewalk.sendings
    ADD CONSTRAINT sendings_pkey PRIMARY KEY (place);
ALTER TABLE ONLY ropewalk.tags
    ADD CONSTRAINT tags_pkey PRIMARY KEY (project_id, name);
ALTER TABLE ONLY ropewalk.token_lists
    ADD CONSTRAINT token_lists_pkey PRIMARY KEY (place, kind);
ALTER TABLE ONLY ropewalk.tokens
    ADD CONSTRAINT tokens_pkey PRIMARY KEY (place, kind, token_id);
CREATE INDEX commands_due ON ropewalk.commands USING btree (due_at);
CREATE INDEX commands_place ON ropewalk.commands USING btree (project_id, home, iid);
CREATE INDEX findings_open ON ropewalk.findings USING btree (fixed_at, severity, first_seen, identity);
CREATE INDEX findings_project ON ropewalk.findings USING btree (project);
CREATE INDEX heads_due ON ropewalk.heads USING btree (due_at);
CREATE INDEX ledger_place ON ropewalk.ledger USING btree (place, kind);
CREATE INDEX looks_due ON ropewalk.looks USING btree (urgency, due_at);
CREATE INDEX projects_path ON ropewalk.projects USING btree (full_path);
CREATE INDEX releases_created ON ropewalk.releases USING btree (created_at, key);
CREATE INDEX releases_due ON ropewalk.releases USING btree (due_at);
CREATE INDEX releases_project ON ropewalk.releases USING btree (project_id, state, created_at);
CREATE INDEX releases_ref ON ropewalk.releases USING btree (project, ref);
CREATE INDEX releases_state ON ropewalk.releases USING btree (state, created_at, key);
CREATE INDEX releases_updated ON ropewalk.releases USING btree (updated_at);
CREATE INDEX token_lists_project ON ropewalk.token_lists USING btree (project_id);
CREATE INDEX tokens_expiry ON ropewalk.tokens USING btree (publishes, expires_on);
CREATE INDEX tokens_project ON ropewalk.tokens USING btree (project_id, expires_on);
CREATE TRIGGER ledger_no_change BEFORE DELETE OR UPDATE OR TRUNCATE ON ropewalk.ledger FOR EACH STATEMENT EXECUTE FUNCTION ropewalk.ledger_append_only();
