BEGIN TRANSACTION;
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
	PRIMARY KEY (identity)
);
INSERT INTO "findings" VALUES('identity of old','rule of ',3,'acme/tools/widget','resource of old','scope of old','2026-08-03T12:00:00.000000Z','2026-08-03T12:00:00.000000Z','2026-08-03T12:00:00.000000Z');
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
	PRIMARY KEY (id)
);
INSERT INTO "projects" VALUES(42,'full_path of old','web_url of old','default_branch of old','2026-08-03T12:00:00.000000Z','2026-08-03T12:00:00.000000Z');
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
	wake_seen INTEGER NOT NULL, 
	faults INTEGER NOT NULL, 
	gates JSON NOT NULL, 
	targets JSON NOT NULL, 
	requests JSON NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "releases" VALUES('42/v1.1.0@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',42,'acme/tools/widget','tag','v1.1.0','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','published','version of old','artifacts','source_reason of old','next of old','2026-08-03T12:00:00.000000Z','2026-08-03T12:00:00.000000Z','2026-08-03T12:00:00.000000Z',NULL,3,1,1,0,'[]','[]','{"ref": 2}');
CREATE TABLE tags (
	project_id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	sha VARCHAR(64) NOT NULL, 
	PRIMARY KEY (project_id, name)
);
INSERT INTO "tags" VALUES(42,'name of old','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa');
CREATE INDEX releases_due ON releases (due_at);
CREATE INDEX releases_ref ON releases (project, ref);
COMMIT;
PRAGMA user_version=1;
