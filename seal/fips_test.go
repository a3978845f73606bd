package seal

import (
	"crypto/fips140"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestUnderFIPS140Only runs the tests of sealing again in a process in which crypto/... refuses what FIPS 140-3 does not approve.
// ML-DSA is not the standard library's and is out of that process's sight: it passes, and is not approved by passing.
func TestUnderFIPS140Only(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a process")
	}
	if strings.Contains(os.Getenv("GODEBUG"), "fips140=") {
		t.Skip("this is that process")
	}
	const these = "^(TestFIPS140IsOn|TestSealAndOpen|TestLetterOfOldStillOpens|TestRestSealAndOpen|TestTwoPeopleRelease|TestCosignedCheckpoint|TestSubkeys|TestCopySealAndOpen)$"
	c := exec.Command(os.Args[0], "-test.run", these, "-test.v")
	c.Env = append(os.Environ(), "GODEBUG=fips140=only")
	out, err := c.CombinedOutput()
	if strings.Contains(string(out), "FIPS 140-3 mode not supported") || strings.Contains(string(out), "FIPS 140-3 mode is incompatible") {
		if os.Getenv("CI") == "true" {
			t.Fatalf("this toolchain has no such mode, and CI must not pass without it: %.200s", out)
		}
		t.Skipf("this toolchain has no such mode: %.200s", out)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"TestFIPS140IsOn", "TestSealAndOpen", "TestRestSealAndOpen"} {
		if !strings.Contains(string(out), "--- PASS: "+name+" ") {
			t.Errorf("%s did not run:\n%s", name, out)
		}
	}
}

// TestFIPS140IsOn keeps the test above honest.
func TestFIPS140IsOn(t *testing.T) {
	if !strings.Contains(os.Getenv("GODEBUG"), "fips140=only") {
		t.Skip("only under fips140=only")
	}
	if !fips140.Enabled() {
		t.Error("the mode is not on")
	}
}
