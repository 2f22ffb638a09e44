-- The health service's own database. It knows communities by their slug and stations by their global
-- id, as the community graph tells them, and nothing else of either.
CREATE TABLE IF NOT EXISTS clinics (
    id        text PRIMARY KEY,
    name_zh   text NOT NULL,
    name_en   text,
    kind      text NOT NULL,
    phone     text,
    community text NOT NULL,
    station   text
);
CREATE INDEX IF NOT EXISTS clinics_community ON clinics (community);
CREATE INDEX IF NOT EXISTS clinics_station ON clinics (station);

CREATE TABLE IF NOT EXISTS consulting_hours (
    clinic     text NOT NULL REFERENCES clinics ON DELETE CASCADE,
    weekday    int  NOT NULL CHECK (weekday BETWEEN 0 AND 6), -- 0 is Monday
    opens      time NOT NULL,
    closes     time NOT NULL CHECK (closes > opens),
    department text NOT NULL,
    doctor     text,
    PRIMARY KEY (clinic, weekday, opens, department)
);

-- Made up for the demonstration; the communities are those of `linhui demo`.
INSERT INTO clinics VALUES
    ('shengli-1', '胜利社区卫生服务站', 'Shengli Health Station', 'HEALTH_STATION', '0991-000-0101', 'shengli',
     'U3RhdGlvbjpzaGVuZ2xpOmM5ZGVjOTNhLWY5ZmMtNTRiMi04OWYyLTIxOTdhZWFkNDk3Nw'),
    ('shengli-2', '胜利中医馆', 'Shengli Chinese Medicine', 'CHINESE_MEDICINE', NULL, 'shengli', NULL),
    ('lanxin-1', '蓝馨社区卫生服务中心', 'Lanxin Health Centre', 'HEALTH_CENTRE', '0931-000-0102', 'lanxin',
     'U3RhdGlvbjpsYW54aW46NmJiZmEzZjctZGRkMy01MmMzLTlhYzEtMWQxODRjMmIzYTlm'),
    ('wenhua-1', '文化社区卫生服务站', 'Wenhua Health Station', 'HEALTH_STATION', '0533-000-0103', 'wenhua',
     'U3RhdGlvbjp3ZW5odWE6YWEyYzg4MjQtNjc1Ni01ZDg4LTljOWItNTUyYTE4NTYzYzVi')
ON CONFLICT DO NOTHING;

INSERT INTO consulting_hours VALUES
    ('shengli-1', 0, '08:30', '11:30', '全科', '王医生'),
    ('shengli-1', 3, '14:00', '17:00', '慢病管理', '李医生'),
    ('shengli-2', 5, '09:00', '12:00', '针灸', NULL),
    ('lanxin-1', 1, '08:30', '11:30', '全科', '赵医生'),
    ('lanxin-1', 4, '08:30', '11:30', '儿童保健', NULL),
    ('wenhua-1', 2, '14:30', '17:30', '全科', '孙医生')
ON CONFLICT DO NOTHING;
