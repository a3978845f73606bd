/*
 * Two telegrams from one post to another, over a carrier that loses, repeats and reorders, with machines that stop at any moment.
 * Telegram 0 is Routine and travels in two sections; telegram 1 is a Flash and has one.
 *
 * What is one transaction in the program is one atomic step here. Each can turn out in three ways: it is kept; it is lost; or it is kept and the machine
 * stops before anything is done about it. What a post only remembers (which section was handed to the carrier, and when) a stop takes away. So a
 * section without a receipt may arrive at any time, in any order, as often as it likes; a loss is an arrival that is long in coming. After the
 * receipt a copy may still come.
 *
 * The words of the program stand beside the steps: package post, files outgoing.go and incoming.go. run.sh runs all of it; README.md says how to read it.
 */

#define N 2               /* telegrams */
#define S 3               /* sections: 0 and 1 are of telegram 0, 2 is of telegram 1 */
#define FLASH 1
#define OF(s) ((s) == 2 -> 1 : 0)
#define WINDOW 1          /* open sections after which no further telegram of that precedence is begun */

/* What the sending post keeps. */
bool released[N];
byte number[N];           /* register number; 0 before it is registered */
byte numbers;             /* the last one taken: table series */
byte sealed[N];           /* how many of its sections */
byte special[S];          /* special number of a section; 0 before it is sealed */
byte specials;            /* the last one taken */
bool wire[S];             /* its envelope is stored, and there is no receipt */
bool receipted[N];

/* What is on its way. */
bool receipt[N];          /* a receipt; of sections there is always a copy, see above */

/* What the receiving post keeps. */
bool piece[S];            /* a section of what is not whole yet: table piece */
byte taken[N];            /* how often it was filed */
byte incoming;            /* the last incoming number */

/* How much may go wrong. After that it is a world in which what is tried again succeeds in the end. */
#ifndef STOPS
#define STOPS 2
#endif
byte stops = STOPS, losses = 1, late = 1;

#define DONE (receipted[0] && receipted[1])

/* Of a transaction: kept, lost, or kept with the machine gone. */
mtype = { kept, lost, gone };
inline commit(outcome) {
	if
	:: outcome = kept
	:: stops > 0 -> stops--; outcome = lost
	:: stops > 0 -> stops--; outcome = gone
	fi
}

/* The desk releases one after the other, when it likes. */
active proctype desk() {
	atomic { released[0] = true }
	atomic { released[1] = true }
}

/* Post.register: numbers are taken in the transaction that files and queues the telegram. */
inline register(t) {
	commit(how);
	if
	:: how == lost -> skip
	:: else ->
		assert(number[t] == 0);                                     /* once */
		numbers++;
		number[t] = numbers;
#ifdef TWICE
		if                                                          /* whoever was not told registers again, without a look */
		:: how == gone -> assert(number[t] == 0); numbers++; number[t] = numbers
		:: else -> skip
		fi
#endif
	fi
}

active proctype registrar() {
	mtype how;
	byte mine;
	do
#ifdef NUMBER_OUTSIDE
	:: atomic { released[0] && !number[0] -> numbers++; mine = numbers }
	   atomic { commit(how); if :: how != lost -> number[0] = mine :: else -> skip fi }
#else
	:: atomic { released[0] && !number[0] -> register(0) }
#endif
	:: atomic { released[1] && !number[1] -> register(1) }
	:: number[0] && number[1] -> break
	od
}

/* Post.encipher: the head of the queue is sealed, takes its special number, and its envelope is stored. */
#define WAITS(t, n) (number[t] && sealed[t] < n)
#define OPEN (wire[0] + wire[1])

inline seal(s, t) {
	commit(how);
	if
	:: how == lost -> skip
	:: else ->
		assert(t == FLASH || !WAITS(FLASH, 1));                      /* nothing is sealed while a Flash waits */
		specials++;
#ifdef SEALED_IN_MEMORY
		if                                                          /* the number is taken, the envelope not stored with it */
		:: how == gone -> skip
		:: else -> special[s] = specials; wire[s] = true; sealed[t]++
		fi
#else
		special[s] = specials; wire[s] = true; sealed[t]++
#endif
	fi
}

active proctype sealer() {
	mtype how;
	do
	:: atomic { WAITS(FLASH, 1) -> seal(2, 1) }
#ifdef IN_ORDER
	:: atomic { WAITS(0, 2) && sealed[0] == 0 && OPEN < WINDOW -> seal(0, 0) }
	:: atomic { WAITS(0, 2) && sealed[0] == 1 -> seal(1, 0) }
#else
	:: atomic { !WAITS(FLASH, 1) && WAITS(0, 2) && sealed[0] == 0 && OPEN < WINDOW -> seal(0, 0) }
	:: atomic { !WAITS(FLASH, 1) && WAITS(0, 2) && sealed[0] == 1 -> seal(1, 0) }   /* what has begun is carried to its end */
#endif
	:: sealed[0] == 2 && sealed[1] == 1 -> break
	od
}

/* Post.take: a section arrives, is kept, and with the last of them the telegram is filed, under an incoming number. */
inline file(t) {
	taken[t]++;
	assert(taken[t] <= 1);                                          /* nothing twice */
	incoming++;
	piece[0] = (t == 0 -> false : piece[0]);
	piece[1] = (t == 0 -> false : piece[1]);
}

#ifdef NO_MEMORY
#define KNOWN(t) false
#else
#define KNOWN(t) (taken[t] > 0)
#endif

inline take(s, t) {
#ifdef RECEIPT_FIRST
	receipt[t] = true;
#endif
	commit(how);
	whole = false;
	if
	:: how == lost -> skip
	:: how != lost && KNOWN(t) ->                                   /* a repeat: it is answered again, and nothing else */
#ifdef REPEAT_NOT_ANSWERED
		skip
#else
		whole = true
#endif
	:: how != lost && !KNOWN(t) ->
		if
		:: t == 0 ->
			piece[s] = true;
			if
			:: piece[0] && piece[1] -> file(0); whole = true
			:: else ->
#ifdef RECEIPT_FOR_A_SECTION
				whole = true
#else
				skip
#endif
			fi
		:: t == 1 -> file(1); whole = true
		fi
	fi;
	if
	:: how == kept && whole -> receipt[t] = true
	:: else -> skip
	fi
}

/* Post.carry and the carrier, for one section: the same bytes, as often as needed, until there is a receipt. */
proctype hop(byte s) {
	mtype how;
	bool whole;
	do
	:: atomic { wire[s] -> take(s, OF(s)) }
	:: atomic { special[s] && late > 0 -> late--; take(s, OF(s)) }
#ifdef FORGOTTEN_WHEN_SENT
	:: wire[s] -> wire[s] = false                                   /* the carrier said that it has it, and lost it */
#endif
	:: DONE && !late -> break
	od
}

/* Post.takeReceipt, and the receipt's way there. */
proctype back(byte t) {
	mtype how;
	do
	:: atomic { receipt[t] ->
		receipt[t] = false;
		commit(how);
		if
		:: how == lost -> skip
		:: else ->
			assert(taken[t] == 1);                                  /* a receipt is for what is durable, and whole */
			receipted[t] = true;
			if
			:: t == 0 -> wire[0] = false; wire[1] = false
			:: else -> wire[2] = false
			fi
		fi
	   }
	:: atomic { receipt[t] && losses > 0 -> losses--; receipt[t] = false }
	:: DONE && !receipt[t] -> break
	od
}

init {
	atomic { run hop(0); run hop(1); run hop(2); run back(0); run back(1) }
}

/* No number is missing, at any moment: as many were taken as were given to something. */
#define GIVEN (numbers == (number[0] > 0) + (number[1] > 0) && specials == (special[0] > 0) + (special[1] > 0) + (special[2] > 0) && incoming == taken[0] + taken[1])

ltl gapless { [] GIVEN }

/* Nothing is lost: what was released is receipted in the end, once, and then nothing is open. */
ltl arrives { (<> (DONE && taken[0] == 1 && taken[1] == 1)) && [] (DONE -> (!wire[0] && !wire[1] && !wire[2])) }
