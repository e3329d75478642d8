-- Campaigns of a month, the largest first.
SELECT toString(owner), first_seen, last_seen, attempts, sources, most, answers
FROM campaigns
WHERE month >= {from:Date} AND month < {to:Date}
ORDER BY attempts DESC, owner, first_seen
LIMIT {rows:UInt64}
