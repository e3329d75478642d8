-- How many owners knocked in what was read from some files: the names before
-- the position in origin, joined by the slash that no name has.
SELECT uniqExact(owner)
FROM knocks
WHERE sensor = {sensor:String}
  AND time BETWEEN {since:DateTime64(3, 'UTC')} AND {until:DateTime64(3, 'UTC')}
  AND has(splitByChar('/', {origins:String}), substring(origin, 1, length(origin) - position(reverse(origin), ':')))
  AND owner != ''
