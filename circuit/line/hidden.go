package line

// hidden guesses how many bytes have come that nobody may read yet: while one lost packet is fetched again, the kernel keeps those behind it. Who
// would ask for no more until then would find the line idle afterwards.
type hidden struct {
	began    bool
	in, segs int64   // at the last look
	sum, n   float64 // bytes and pieces of late, for the size of a piece
	hides    float64
	open     int // looks in a row at which what came could be read at once
}

// look is told how many bytes could be read so far, and how many pieces came.
func (h *hidden) look(in, segs int64) {
	bytes, pieces := float64(in-h.in), float64(segs-h.segs)
	h.in, h.segs = in, segs
	if !h.began || bytes < 0 || pieces < 0 {
		h.began = true
		return
	}
	if pieces > 0 || bytes > 0 {
		h.sum, h.n = h.sum*63/64+bytes, h.n*63/64+pieces
	}
	switch {
	case pieces == 0:
	case bytes == 0:
		h.open = 0
	default:
		h.open++
	}
	switch {
	case h.open > 1: // nothing is missing, or this could not be read
		h.hides = 0
	case h.n > 0:
		h.hides = max(0, h.hides+pieces*h.sum/h.n-bytes)
	}
}

func (h *hidden) bytes() int64 { return int64(h.hides) }
