BEGIN TRANSACTION;
CREATE TABLE acceptances (
	release TEXT NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	"by" TEXT NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (release, digest)
);
INSERT INTO "acceptances" VALUES('42/v1.1.0@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','digest of old','by of old','2026-08-03T12:00:00.000000Z');
CREATE TABLE approvals (
	release TEXT NOT NULL, 
	user_id INTEGER NOT NULL, 
	username TEXT NOT NULL, 
	level INTEGER NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	sha VARCHAR(64) NOT NULL, 
	PRIMARY KEY (release, user_id)
);
INSERT INTO "approvals" VALUES('42/v1.1.0@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',7,'username of old',40,'2026-08-03T12:00:00.000000Z','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa');
CREATE TABLE attempts (
	release TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	target TEXT NOT NULL, 
	item TEXT NOT NULL, 
	outcome VARCHAR(16) NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	reason TEXT NOT NULL, 
	again BOOLEAN NOT NULL, 
	retry_at VARCHAR(32), 
	PRIMARY KEY (release, number)
);
INSERT INTO "attempts" VALUES('42/v1.1.0@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',7,'index:x','widget.whl','accepted','2026-08-03T12:00:00.000000Z','reason of old',0,'2026-08-03T12:00:00.000000Z');
CREATE TABLE board (
	name TEXT NOT NULL, 
	text TEXT NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (name)
);
CREATE TABLE branch_patterns (
	project_id INTEGER NOT NULL, 
	pattern TEXT NOT NULL, 
	PRIMARY KEY (project_id, pattern)
);
INSERT INTO "branch_patterns" VALUES(42,'pattern of old');
CREATE TABLE branches (
	project_id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	sha VARCHAR(64) NOT NULL, 
	PRIMARY KEY (project_id, name)
);
INSERT INTO "branches" VALUES(42,'name of old','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa');
CREATE TABLE commands (
	note_id BIGINT NOT NULL, 
	project_id INTEGER NOT NULL, 
	home VARCHAR(16) NOT NULL, 
	iid INTEGER NOT NULL, 
	stage VARCHAR(16) NOT NULL, 
	heard_at VARCHAR(32) NOT NULL, 
	due_at VARCHAR(32), 
	tries INTEGER NOT NULL, 
	author_id INTEGER, 
	username TEXT NOT NULL, 
	written_at VARCHAR(32), 
	why TEXT NOT NULL, 
	answers JSON NOT NULL, 
	PRIMARY KEY (note_id)
);
INSERT INTO "commands" VALUES(7,42,'merge_request',7,'done','2026-08-03T12:00:00.000000Z','2026-08-03T12:00:00.000000Z',7,7,'username of old','2026-08-03T12:00:00.000000Z','why of old','{}');
CREATE TABLE cursors (
	name VARCHAR(64) NOT NULL, 
	moment VARCHAR(32), 
	text TEXT, 
	PRIMARY KEY (name)
);
INSERT INTO "cursors" VALUES('name of old','2026-08-03T12:00:00.000000Z','text of old');
CREATE TABLE deliveries (
	id TEXT NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "deliveries" VALUES('id of old','digest of old','2026-08-03T12:00:00.000000Z');
CREATE TABLE files (
	release TEXT NOT NULL, 
	filename TEXT NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	size INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	version TEXT NOT NULL, 
	origin TEXT NOT NULL, 
	job_id INTEGER, 
	problem TEXT NOT NULL, 
	PRIMARY KEY (release, filename)
);
INSERT INTO "files" VALUES('42/v1.1.0@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','filename of old','wheel','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',7,'name of old','version of old','origin of old',7,'problem of old');
CREATE TABLE findings (
	identity TEXT NOT NULL, 
	rule VARCHAR(8) NOT NULL, 
	severity INTEGER NOT NULL, 
	project TEXT NOT NULL, 
	resource TEXT NOT NULL, 
	scope TEXT NOT NULL, 
	first_seen VARCHAR(32) NOT NULL, 
	last_seen VARCHAR(32) NOT NULL, 
	fixed_at VARCHAR(32), 
	reason TEXT, 
	PRIMARY KEY (identity)
);
INSERT INTO "findings" VALUES('identity of old','rule of ',3,'acme/tools/widget','resource of old','scope of old','2026-08-03T12:00:00.000000Z','2026-08-03T12:00:00.000000Z','2026-08-03T12:00:00.000000Z','reason of old');
CREATE TABLE heads (
	project_id INTEGER NOT NULL, 
	project TEXT NOT NULL, 
	branch TEXT NOT NULL, 
	sha VARCHAR(64) NOT NULL, 
	seen_at VARCHAR(32) NOT NULL, 
	due_at VARCHAR(32), 
	tries INTEGER NOT NULL, 
	told TEXT NOT NULL, 
	PRIMARY KEY (project_id)
);
INSERT INTO "heads" VALUES(42,'acme/tools/widget','branch of old','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','2026-08-03T12:00:00.000000Z','2026-08-03T12:00:00.000000Z',7,'told of old');
CREATE TABLE holds (
	project_id INTEGER NOT NULL, 
	ref TEXT NOT NULL, 
	"by" TEXT NOT NULL, 
	since VARCHAR(32) NOT NULL, 
	until VARCHAR(32), 
	reason TEXT NOT NULL, 
	PRIMARY KEY (project_id, ref)
);
INSERT INTO "holds" VALUES(42,'v1.1.0','by of old','2026-08-03T12:00:00.000000Z','2026-08-03T12:00:00.000000Z','reason of old');
CREATE TABLE hook_places (
	name TEXT NOT NULL, 
	hook_id INTEGER, 
	fingerprint VARCHAR(64) NOT NULL, 
	looked_at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "hook_places" VALUES('name of old',7,'fingerprint of old','2026-08-03T12:00:00.000000Z');
CREATE TABLE ledger (
	sequence INTEGER NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	place TEXT NOT NULL, 
	words TEXT NOT NULL, 
	outcome VARCHAR(16) NOT NULL, 
	target TEXT NOT NULL, 
	item TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	"where" TEXT NOT NULL, 
	file TEXT NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	previous VARCHAR(64) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	PRIMARY KEY (sequence), 
	UNIQUE (digest)
);
INSERT INTO "ledger" VALUES(1,'2026-08-03T12:00:00.000000Z','attempt','42/v1.1.0@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','index:x widget.whl','accepted','index:x','widget.whl',7,'','','','0000000000000000000000000000000000000000000000000000000000000000','993544350e6a9542e96ffbb091dd115ca2c3e0b16ba4828b2ce5867b061b803d');
INSERT INTO "ledger" VALUES(2,'2026-08-03T12:00:00.000000Z','receipt','42/v1.1.0@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','widget.whl stands on index:x','upload','index:x','',0,'where of old','widget.whl','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','993544350e6a9542e96ffbb091dd115ca2c3e0b16ba4828b2ce5867b061b803d','d832f0c88b3811cacf862fde28c62477768b4627475866764bffe6b6a2087af9');
CREATE TABLE looks (
	project_id INTEGER NOT NULL, 
	urgency INTEGER NOT NULL, 
	hinted BOOLEAN NOT NULL, 
	asked_at VARCHAR(32) NOT NULL, 
	due_at VARCHAR(32) NOT NULL, 
	tries INTEGER NOT NULL, 
	PRIMARY KEY (project_id)
);
INSERT INTO "looks" VALUES(42,7,0,'2026-08-03T12:00:00.000000Z','2026-08-03T12:00:00.000000Z',7);
CREATE TABLE merge_requests (
	"key" TEXT NOT NULL, 
	mark TEXT NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "merge_requests" VALUES('key of old','mark of old','2026-08-03T12:00:00.000000Z');
CREATE TABLE names (
	name TEXT NOT NULL, 
	project_id INTEGER NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "names" VALUES('name of old',42);
CREATE TABLE projects (
	id INTEGER NOT NULL, 
	full_path TEXT NOT NULL, 
	web_url TEXT NOT NULL, 
	default_branch TEXT, 
	enrolled_at VARCHAR(32) NOT NULL, 
	compared_at VARCHAR(32), 
	seen_at VARCHAR(32), 
	left_at VARCHAR(32), 
	PRIMARY KEY (id)
);
INSERT INTO "projects" VALUES(42,'full_path of old','web_url of old','default_branch of old','2026-08-03T12:00:00.000000Z','2026-08-03T12:00:00.000000Z','2026-08-03T12:00:00.000000Z','2026-08-03T12:00:00.000000Z');
CREATE TABLE readings (
	name VARCHAR(64) NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	reading JSON NOT NULL, 
	PRIMARY KEY (name)
);
CREATE TABLE receipts (
	id INTEGER NOT NULL, 
	release TEXT NOT NULL, 
	target TEXT NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	"where" TEXT NOT NULL, 
	file TEXT NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (release, target, file, sha256)
);
INSERT INTO "receipts" VALUES(7,'42/v1.1.0@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','index:x','upload','where of old','widget.whl','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','2026-08-03T12:00:00.000000Z');
CREATE TABLE redeliveries (
	"key" TEXT NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "redeliveries" VALUES('key of old','2026-08-03T12:00:00.000000Z');
CREATE TABLE ref_changes (
	id INTEGER NOT NULL, 
	project_id INTEGER NOT NULL, 
	project TEXT NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	ref TEXT NOT NULL, 
	sha VARCHAR(64) NOT NULL, 
	action VARCHAR(8) NOT NULL, 
	source VARCHAR(8) NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (project_id, ref, sha, action)
);
INSERT INTO "ref_changes" VALUES(7,42,'acme/tools/widget','tag','v1.1.0','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','created','artifact','2026-08-03T12:00:00.000000Z');
CREATE TABLE releases (
	"key" TEXT NOT NULL, 
	project_id INTEGER NOT NULL, 
	project TEXT NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	ref TEXT NOT NULL, 
	sha VARCHAR(64) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	version TEXT, 
	source VARCHAR(16) NOT NULL, 
	source_reason TEXT NOT NULL, 
	next TEXT, 
	created_at VARCHAR(32) NOT NULL, 
	updated_at VARCHAR(32) NOT NULL, 
	asked_at VARCHAR(32) NOT NULL, 
	due_at VARCHAR(32), 
	turn INTEGER NOT NULL, 
	wake INTEGER NOT NULL, 
	wake_seen INTEGER DEFAULT '0' NOT NULL, 
	faults INTEGER NOT NULL, 
	gates JSON NOT NULL, 
	targets JSON NOT NULL, 
	requests JSON NOT NULL, 
	heard_at VARCHAR(32), 
	fence INTEGER DEFAULT '0' NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "releases" VALUES('42/v1.1.0@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',42,'acme/tools/widget','tag','v1.1.0','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','published','version of old','artifacts','source_reason of old','next of old','2026-08-03T12:00:00.000000Z','2026-08-03T12:00:00.000000Z','2026-08-03T12:00:00.000000Z',NULL,3,1,1,0,'[]','[]','{"ref": 2}','2026-08-03T12:00:00.000000Z',7);
CREATE TABLE replicas (
	id TEXT NOT NULL, 
	host TEXT NOT NULL, 
	pid INTEGER NOT NULL, 
	version TEXT NOT NULL, 
	work TEXT NOT NULL, 
	started_at VARCHAR(32) NOT NULL, 
	beat_at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE requests_begun (
	id VARCHAR(32) NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	words TEXT NOT NULL, 
	place TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "requests_begun" VALUES('id of old','2026-08-03T12:00:00.000000Z','words of old','place of old');
CREATE TABLE sendings (
	place VARCHAR(32) NOT NULL, 
	token VARCHAR(32) NOT NULL, 
	boot TEXT NOT NULL, 
	lock TEXT NOT NULL, 
	inode TEXT NOT NULL, 
	until VARCHAR(32) NOT NULL, 
	PRIMARY KEY (place)
);
CREATE TABLE tags (
	project_id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	sha VARCHAR(64) NOT NULL, 
	PRIMARY KEY (project_id, name)
);
INSERT INTO "tags" VALUES(42,'name of old','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa');
CREATE TABLE token_lists (
	place TEXT NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	project_id INTEGER, 
	read_at VARCHAR(32), 
	trouble TEXT NOT NULL, 
	PRIMARY KEY (place, kind)
);
INSERT INTO "token_lists" VALUES('place of old','kind of old',7,'2026-08-03T12:00:00.000000Z','trouble of old');
CREATE TABLE tokens (
	place TEXT NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	token_id INTEGER NOT NULL, 
	project_id INTEGER, 
	expires_on VARCHAR(10), 
	publishes BOOLEAN NOT NULL, 
	PRIMARY KEY (place, kind, token_id)
);
INSERT INTO "tokens" VALUES('place of old','kind of old',7,7,'2026-08-03',0);
CREATE INDEX projects_path ON projects (full_path);
CREATE INDEX looks_due ON looks (urgency, due_at);
CREATE INDEX releases_ref ON releases (project, ref);
CREATE INDEX releases_created ON releases (created_at, "key");
CREATE INDEX releases_state ON releases (state, created_at, "key");
CREATE INDEX releases_project ON releases (project_id, state, created_at);
CREATE INDEX releases_updated ON releases (updated_at);
CREATE INDEX releases_due ON releases (due_at);
CREATE INDEX findings_project ON findings (project);
CREATE INDEX findings_open ON findings (fixed_at, severity, first_seen, identity);
CREATE INDEX ledger_place ON ledger (place, kind);
CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE INDEX commands_due ON commands (due_at);
CREATE INDEX commands_place ON commands (project_id, home, iid);
CREATE INDEX heads_due ON heads (due_at);
CREATE INDEX token_lists_project ON token_lists (project_id);
CREATE INDEX tokens_project ON tokens (project_id, expires_on);
CREATE INDEX tokens_expiry ON tokens (publishes, expires_on);
COMMIT;
PRAGMA user_version=5;
