-- SPDX-FileCopyrightText: The librr authors
-- SPDX-License-Identifier: Apache-2.0
--
-- Tables, indices, joins, aggregates, text search and floating point in SQLite.
PRAGMA journal_mode = WAL;
CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL, kind INTEGER);
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
INSERT INTO item
SELECT i, printf('item %x', i * 2654435761 % 4294967296),
       (i * 7919 % 10007) / 13.0, i * i % 17 FROM n;
CREATE INDEX item_kind ON item (kind, price);
CREATE INDEX item_name ON item (name);
SELECT kind, count(*), printf('%!.17g', sum(price)), printf('%!.17g', avg(price)),
       min(name), max(name) FROM item GROUP BY kind ORDER BY kind;
SELECT a.id, b.id, printf('%!.17g', a.price + b.price) FROM item a
JOIN item b ON b.name > a.name AND b.kind = a.kind AND b.price < a.price
WHERE a.id % 2999 = 1 ORDER BY a.id, b.price, b.id LIMIT 25;
SELECT id, name, printf('%!.17g', total) FROM (
  SELECT id, name, sum(price) OVER (PARTITION BY kind ORDER BY id
         ROWS BETWEEN 5 PRECEDING AND CURRENT ROW) AS total FROM item)
WHERE id % 1999 = 0 ORDER BY id;
UPDATE item SET price = price * 1.1 WHERE kind IN (3, 5);
DELETE FROM item WHERE name LIKE '%f0%';
BEGIN;
DELETE FROM item;
ROLLBACK;
CREATE VIRTUAL TABLE text USING fts5 (body);
INSERT INTO text SELECT group_concat(name, ' ') FROM item GROUP BY id / 50;
SELECT count(*), printf('%!.12g', sum(rank)) FROM text WHERE text MATCH 'item AND 9*';
SELECT printf('%!.17g %!.17g', sin(1), pow(2, 0.5)), json_extract('{"a":[1,2.5]}', '$.a[1]');
VACUUM;
ANALYZE;
SELECT count(*), printf('%!.17g', total(price)) FROM item;
PRAGMA integrity_check;
