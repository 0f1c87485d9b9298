module ctxd/tests/oracle/tarread

go 1.19
