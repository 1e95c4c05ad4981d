SELECT epoch_us(time), event FROM best WHERE person = $person ORDER BY time DESC, seq DESC LIMIT 50
