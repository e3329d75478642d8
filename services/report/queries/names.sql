-- Owners with the names that they were registered under, as a rule would have to
-- fit them.
SELECT
    toString(owner) AS name,
    groupUniqArray(20)(if(owner_basis = 'asn', as_name, registrant)) AS names,
    sum(knocks.packets) AS attempts
FROM knocks
WHERE owner != '' AND owner_basis != 'override'
  AND time >= {since:DateTime64(3, 'UTC')} AND time < {until:DateTime64(3, 'UTC')}
  AND ({sensor:String} = '' OR sensor = {sensor:String})
  AND ({proto:String} = '' OR proto = {proto:String})
  AND ({cause:String} = '' OR cause = {cause:String})
GROUP BY name
ORDER BY attempts DESC, name
LIMIT {rows:UInt64} - 1
