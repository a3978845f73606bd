/*
 * How gaps mend themselves: two telegrams from one post to another, one after the other, each in one section, in letters and in frames of chains; receipts, last
 * numbers, and requests. The receiver may lose its chains, and its database may be put back to the day before; a chain may grow old; what is carried may come
 * late; machines stop at any moment.
 *
 * The words of the program stand beside the steps: package post, files frames.go, gaps.go, asking.go and repeat.go. What telegram.pml shows (sections,
 * windows, a Flash) is not shown again. run.sh runs all of it; README.md says how to read it.
 */

#define N 2
#define CHAINS 12

/* What the sending post keeps. */
bool released[N];
byte serial[N];           /* 0 before it is registered */
byte serials;
byte special[N];          /* of the envelope that is stored; 0 while it is to be sealed */
byte specials;            /* the last one taken */
byte superseded;          /* special numbers whose envelopes were given up */
bool wire[N];
bool receipted[N];
bool anew[N];             /* it was sealed anew */
bool letter[N];           /* its envelope is a letter */
byte in[N];               /* the chain that the letter opens, or the frame is of */
byte out = 1;             /* table chain_out; 0: the next goes in a letter */
bool confirmed = true;
byte opener;              /* 1 + the telegram whose letter opened it */
byte chains = 1;

/* What is on its way: a receipt, and an envelope that was given up and has not arrived. */
bool receipt[N];
byte old[N];              /* the chain of its frame */

/* What the receiving post keeps. */
bool taken[N];
byte by[N];               /* the special number of the envelope in which it came last: tables accounted, opened */
byte newest = 1;          /* table chain_in */
bool held[CHAINS];        /* the store of burnable secrets, which is no part of the database */

/* How much may go wrong: so many things of these, each once. */
#ifndef FAULTS
#define FAULTS 3
#endif
byte faults = FAULTS;
#ifndef STOPS
#define STOPS 1
#endif
byte stops = STOPS;
bit losses = 1, keysLost = 1, putBack = 1, oldAge = 1, stubborn = 1;
#define MAY(fault) (fault && faults)
#define HAPPENS(fault) fault = 0; faults--

mtype = { kept, lost, gone };
inline commit(outcome) {
	if
	:: outcome = kept
	:: stops > 0 -> stops--; outcome = lost
	:: stops > 0 -> stops--; outcome = gone
	fi
}

active proctype desk() {
	atomic { released[0] = true }
	atomic { released[1] = true }
}

/* Post.register and Post.encipher; sealing.seal */
active proctype sealer() {
	mtype how;
	byte t;
end:
	do
	:: atomic { (released[0] && !special[0] && !receipted[0]) || (released[1] && !special[1] && !receipted[1]) ->
		t = (released[0] && !special[0] && !receipted[0] -> 0 : 1);
		commit(how);
		if
		:: how == lost -> skip
		:: else ->
			if
			:: serial[t] == 0 -> serials++; serial[t] = serials
#ifdef ANOTHER_SERIAL
			:: serial[t] && anew[t] -> serials++; serial[t] = serials
			:: serial[t] && !anew[t] -> skip
#else
			:: else -> skip
#endif
			fi;
			specials++; special[t] = specials; wire[t] = true;
			if
			:: out && confirmed -> letter[t] = false; in[t] = out
			:: else ->
				chains++; assert(chains < CHAINS);
				letter[t] = true; in[t] = chains; out = chains; confirmed = false; opener = t + 1
			fi
		fi
	   }
	od
}

/* Post.take: it is filed if it opens, and a letter opens its chain. What a stop takes away between the commit and the disk are the keys of that chain. */
inline arrive(t, isLetter, c, number) {
	if
	:: isLetter || held[c] ->
		commit(how);
		if
		:: how == lost -> skip
		:: else ->
			taken[t] = true; by[t] = number;
			if
			:: isLetter -> newest = c; held[c] = (how == kept)
			:: else -> skip
			fi;
			receipt[t] = receipt[t] || how == kept
		fi
	:: else ->                                                      /* Post.takeAgain: the very same bytes are known */
		receipt[t] = receipt[t] || (taken[t] && by[t] == number)
	fi
}

proctype hop(byte t) {
	mtype how;
end:
	do
	:: atomic { wire[t] -> arrive(t, letter[t], in[t], special[t]) }
	:: atomic { old[t] -> arrive(t, false, old[t], 0); old[t] = 0 }
	:: atomic { old[t] -> old[t] = 0 }
	od
}

/* Post.takeReceipt; confirmChain */
proctype back(byte t) {
	mtype how;
end:
	do
	:: atomic { receipt[t] ->
		receipt[t] = false;
		commit(how);
		if
		:: how == lost || !special[t] -> skip
		:: else ->
			receipted[t] = true; wire[t] = false;
			if
			:: out && opener == t + 1 && !confirmed ->
				if
				:: anew[t] -> out = 0
				:: else -> confirmed = true
				fi
			:: else -> skip
			fi
		fi
	   }
	:: atomic { receipt[t] && MAY(losses) -> HAPPENS(losses); receipt[t] = false }
	od
}

/* circuit.Anew: the same serial, from its first section. */
inline sealAnew(t) {
	if
	:: !letter[t] && wire[t] -> old[t] = in[t]
	:: else -> skip
	fi;
	superseded++; special[t] = 0; wire[t] = false; receipted[t] = false; anew[t] = true;
	if                                                              /* forgetKeys */
	:: out && !held[out] -> out = 0
	:: else -> skip
	fi
}

#define OPENS(t) (letter[t] || held[in[t]])
#define MISSING(t) (special[t] && (!taken[t] || (wire[t] && by[t] != special[t])))

/* Post.takeRequest for one serial. */
inline ask(t) {
	if
	:: MISSING(t) ->
		if
		:: receipted[t] -> sealAnew(t)
#ifndef SAME_BYTES
		:: wire[t] && !OPENS(t) -> sealAnew(t)
#endif
		:: wire[t] && OPENS(t) && MAY(stubborn) -> HAPPENS(stubborn); sealAnew(t)   /* it was asked for again and again */
		:: else -> skip                                            /* it is carried again: it is as long as it is on the wire */
		fi
	:: else -> skip
	fi
}

/* The last numbers, again and again: in a frame of the chain if it is confirmed, else in a letter;
 * and in a letter when they were not heard. What the receiver lacks it asks for at once. */
active proctype lastNumbers() {
end:
	do
#ifndef NO_LAST_NUMBERS
#ifdef NUMBERS_IN_THE_CHAIN
#define HEARD (!(out && confirmed) || held[out])
#else
#define HEARD true                                                     /* unheard for long, they go in a letter */
#endif
	:: atomic { HEARD && ((MISSING(0) && (receipted[0] || MAY(stubborn) || !OPENS(0))) || (MISSING(1) && (receipted[1] || MAY(stubborn) || !OPENS(1)))) -> ask(0); ask(1) }
#endif
	/* lostChain: it knows what it has lost. The chain is given up, and what was sealed in it is sealed anew. */
	:: atomic { newest && !held[newest] && ((out && !held[out]) || (wire[0] && !OPENS(0)) || (wire[1] && !OPENS(1))) ->
		if
		:: wire[0] && !OPENS(0) -> sealAnew(0)
		:: else -> skip
		fi;
		if
		:: wire[1] && !OPENS(1) -> sealAnew(1)
		:: else -> skip
		fi;
		if
		:: out && !held[out] -> out = 0
		:: else -> skip
		fi
	   }
	od
}

/* What goes wrong. */
active proctype world() {
end:
	do
	:: atomic { MAY(keysLost) -> HAPPENS(keysLost); byte c; for (c : 1 .. CHAINS-1) { held[c] = false }; c = 0 }
	:: atomic { MAY(putBack) -> HAPPENS(putBack); taken[0] = false; taken[1] = false; by[0] = 0; by[1] = 0; receipt[0] = false; receipt[1] = false; newest = 1 }
	:: atomic { MAY(oldAge) -> HAPPENS(oldAge); out = 0 }
	od
}

init {
	atomic { held[1] = true; run hop(0); run hop(1); run back(0); run back(1) }
}

/* As many special numbers were taken as stand on an envelope, or were given up with it; and a telegram has one serial. */
ltl gapless { [] (specials == superseded + (special[0] > 0) + (special[1] > 0) && serials == (serial[0] > 0) + (serial[1] > 0)) }

/* Whatever went wrong, in the end both are there, and stay. */
ltl arrives { <> [] (taken[0] && taken[1] && receipted[0] && receipted[1]) }
