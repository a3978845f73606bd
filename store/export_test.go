package store

// For the tests of package store_test.
var (
	OpenPatiently = open
	Question      = question
	Translate     = translate
)

const ApplicationID = applicationID
