-- The index, version 1. Times end in their unit: _ns of media time, _unix_ms of wall time, _ticks of the track.

-- One lecture. Written when it begins; `end_ns` grows with every sealed segment, `state` changes once, when it ends.
-- May be deleted, with everything that refers to it, by a person or by retention.
CREATE TABLE session (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,              -- the session id
    title TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('live', 'ended')),
    started_unix_ms INTEGER NOT NULL,
    end_ns INTEGER NOT NULL
) STRICT;

-- One unbroken stretch of capture. Written when it begins, never changed. Goes with its session.
CREATE TABLE run (
    session INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    origin_ns INTEGER NOT NULL,
    anchor_unix_ms INTEGER NOT NULL,
    mono_ns INTEGER NOT NULL,
    boot TEXT NOT NULL,
    PRIMARY KEY (session, number)
) STRICT, WITHOUT ROWID;

-- A track's name in a session, over all runs: a short key for its segments. Written with its first track, never changed.
-- Goes with its session.
CREATE TABLE rendition (
    id INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    UNIQUE (session, name)
) STRICT;

-- A rendition as one run encodes it. Written after its init file is an object, never changed. Goes with its session.
CREATE TABLE track (
    rendition INTEGER NOT NULL REFERENCES rendition (id) ON DELETE CASCADE,
    run INTEGER NOT NULL,
    description TEXT NOT NULL,              -- model::Track as JSON
    init BLOB NOT NULL,                     -- content hash of the init file
    PRIMARY KEY (rendition, run)
) STRICT, WITHOUT ROWID;
CREATE INDEX track_init ON track (init);

-- A segment whose file is an object. Written when it is sealed; only `state` ever changes: to `damaged` when the file is
-- found missing or wrong, and back when the right file is there again. Goes with its session.
CREATE TABLE segment (
    rendition INTEGER NOT NULL REFERENCES rendition (id) ON DELETE CASCADE,
    run INTEGER NOT NULL,
    number INTEGER NOT NULL,
    start_ticks INTEGER NOT NULL,
    duration_ticks INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    hash BLOB NOT NULL,                     -- content hash of the file; equal segments share one
    state TEXT NOT NULL DEFAULT 'sealed' CHECK (state IN ('sealed', 'damaged')),
    parts BLOB NOT NULL,                    -- see index::packed
    loudness BLOB,                          -- see index::packed
    PRIMARY KEY (rendition, run, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX segment_hash ON segment (hash);
CREATE INDEX segment_damaged ON segment (rendition) WHERE state = 'damaged';

-- A declared stretch without media. Written when it is noticed; `to_ns` grows while it lasts. Damaged segments are not
-- listed here: they say it themselves. Goes with its session.
CREATE TABLE gap (
    session INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    from_ns INTEGER NOT NULL,
    to_ns INTEGER NOT NULL,
    track TEXT NOT NULL,                    -- empty when all tracks miss it
    cause TEXT NOT NULL CHECK (cause IN ('restart', 'capture_lost', 'source_lost', 'overload', 'damaged')),
    PRIMARY KEY (session, from_ns, track, to_ns, cause)
) STRICT, WITHOUT ROWID;

-- An object without a row left, whose file has yet to be removed. Written in the transaction that removes its last row,
-- deleted after the file is gone; what is found here at the start is removed then.
CREATE TABLE doomed (
    hash BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;
