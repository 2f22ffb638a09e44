-- linhui_public 
SELECT t.*
 FROM unnest($1::text[]) p(owner), LATERAL (SELECT t.owner, t.id, t.name_zh, t.name_en, t.aliases, t.kind, t.group_label, t.structure, t.estate_id, t.brand_id, t.parent_id, t.former_owner_id, t.location_zh, t.area_sqm, t.public_phone, t.open_to_public, t.former_use, t.functions, t.served_groups, t.served_groups_zh, t.provenance, t.functions_en, t.staffed_by, t.pilot, t.upgraded, t.heating_in_winter, t.air_conditioning_in_summer, t.is_lending_point, t.public_contact_posted, t.limitation, t.note, t.lat, t.lng, (SELECT jsonb_build_object(
  'schedules', (SELECT jsonb_agg(jsonb_build_object('rrule', s.rrule, 'dtstart', s.dtstart, 'rdates', s.rdates, 'exdates', s.exdates,
      'opens', extract(epoch
 FROM s.opens_at), 'closes', extract(epoch
 FROM s.closes_at), 'from', lower(s.valid), 'excluded', upper(s.valid)))
   
 FROM schedules s
 WHERE s.owner = t.owner
 AND s.station_id = t.id
 AND s.room_id IS NULL
 AND s.offering_id IS NULL),
  'exceptions', (SELECT jsonb_agg(jsonb_build_object('day', e.on_day, 'kind', e.kind,
      'opens', extract(epoch
 FROM e.opens_at), 'closes', extract(epoch
 FROM e.closes_at)))
   
 FROM schedule_exceptions e
 WHERE e.owner = t.owner
 AND e.station_id = t.id
 AND e.room_id IS NULL),
  'windows', (SELECT jsonb_agg(jsonb_build_object('from', coalesce(v.starts_on, v.ends_on), 'to', coalesce(v.ends_on, v.starts_on),
      'hours', v.opens_at IS NOT NULL, 'opens', extract(epoch
 FROM v.opens_at), 'closes', extract(epoch
 FROM v.closes_at)))
   
 FROM service_windows v
 WHERE v.owner = t.owner
 AND v.station_id = t.id
 AND coalesce(v.starts_on, v.ends_on) IS NOT NULL))) AS hours
 FROM stations t
 WHERE t.owner = p.owner
 AND t.retired_at IS NULL
 ORDER BY t.name_zh COLLATE "C", t.owner COLLATE "C", t.id) t
-- $1 [a b]
