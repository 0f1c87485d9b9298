module example.com/tally

go 1.19

require (
	example.com/tally/count v0.4.0
	github.com/spf13/pflag v1.0.5
)

require golang.org/x/text v0.14.0 // indirect

// The library is a module of its own, beside the program.
replace example.com/tally/count => ./count
