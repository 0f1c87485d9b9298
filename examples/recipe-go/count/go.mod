module example.com/tally/count

go 1.19

require golang.org/x/text v0.14.0
