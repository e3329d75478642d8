-- What an owner's attempts rest on: one row for each rule and registered name.
SELECT
    toString(owner) AS name,
    toString(owner_basis) AS basis,
    toString(owner_why) AS why,
    toString(registrant) AS registered,
    toString(netname) AS net,
    asn,
    toString(as_name) AS system,
    sum(knocks.packets) AS attempts,
    uniqExact(src_ip) AS sources,
    max(owner_as_of) AS newest_as_of
FROM knocks
WHERE time >= {since:DateTime64(3, 'UTC')} AND time < {until:DateTime64(3, 'UTC')}
  AND ({any_owner:UInt8} = 1 OR lowerUTF8(owner) = lowerUTF8({owner:String}))
  AND ({sensor:String} = '' OR sensor = {sensor:String})
  AND ({proto:String} = '' OR proto = {proto:String})
  AND ({cause:String} = '' OR cause = {cause:String})
GROUP BY name, basis, why, registered, net, asn, system
ORDER BY attempts DESC, name, basis, why, registered, net, asn, system
LIMIT {rows:UInt64} - 1
