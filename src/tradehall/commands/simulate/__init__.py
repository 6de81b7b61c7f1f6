"""`tradehall simulate`: whole lives of orders by moved clock, with everything that can go wrong, against PostgreSQL.

market      what is simulated: sellers, buyers, goods, settings
made        products that people deliver
people      what people do, drawn from the seed
services    whole lives of what people deliver
sellers     the sample sellers in this process, and how calls reach them
faults      what goes wrong
rig         the installation that is simulated
run         one marketplace: one step at a time, from due moment to due moment
invariants  what must be true, and how one sees it: by questions and supervised_questions, and by
replay      supervised orders gone through once more from their logs
play        a process that runs one marketplace after the other
command     all of them together, and what is said in the end
"""
