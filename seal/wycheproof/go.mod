module chancery.example/chancery/seal/wycheproof

go 1.26.4

require (
	chancery.example/chancery v0.0.0
	filippo.io/mldsa v1.0.0
	github.com/c2sp/wycheproof v0.0.0-20260902155932-3fa63dd0344a
)

require (
	github.com/cloudflare/circl v1.6.5 // indirect
	github.com/transparency-dev/formats v0.1.1 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/mod v0.42.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace chancery.example/chancery => ../..
