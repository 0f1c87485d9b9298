CREATE TABLE parcels (id text PRIMARY KEY, place text NOT NULL);
