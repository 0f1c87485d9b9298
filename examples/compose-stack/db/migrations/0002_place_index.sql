CREATE INDEX parcels_place ON parcels (place);
