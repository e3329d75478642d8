-- How many events of a sensor are stored.
SELECT count()
FROM events FINAL
WHERE sensor = {sensor:String}
