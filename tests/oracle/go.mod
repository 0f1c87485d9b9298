module ctxd/oracle

go 1.20
