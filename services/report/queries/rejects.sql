-- Lines that became no event, grouped by why. What is quoted in a reason, and the
-- numbers in it, differ from line to line and are folded.
SELECT
    toString(kind) AS kind_,
    toString(stage) AS stage_,
    toString(format) AS format_,
    replaceRegexpAll(replaceRegexpAll(reason, '"(?:[^"\\\\]|\\\\.)*"…?', '"…"'), '[0-9]+', '#') AS why,
    count() AS lines,
    sum(packets) AS missed,
    max(received) AS last,
    arraySlice(groupArray(100)((line, origin)), 1, {samples:UInt64}) AS examples
FROM
(
    SELECT kind, stage, format, reason, packets, received, line, origin
    FROM rejected FINAL
    WHERE ({kind:String} = '' OR kind = {kind:String})
      AND ({sensor:String} = '' OR sensor = {sensor:String})
      AND ({log_format:String} = '' OR format = {log_format:String})
      AND coalesce(received, toDateTime64('1970-01-01 00:00:00', 3, 'UTC')) >= {since:DateTime64(3, 'UTC')}
      AND coalesce(received, toDateTime64('1970-01-01 00:00:00', 3, 'UTC')) < {until:DateTime64(3, 'UTC')}
    ORDER BY received DESC, id
)
GROUP BY kind_, stage_, format_, why
ORDER BY lines DESC, kind_, stage_, format_, why
LIMIT {rows:UInt64}
