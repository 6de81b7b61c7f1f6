"""Who did what in a supervised order or in a dispute about it, in words of the past. Message ids."""

from tradehall.kernel.i18n import N_
from tradehall.supervision.flow import Verb

# Who acts, by the kind of actor.
ROLES: dict[str, str] = {
    "buyer": N_("Buyer"),
    "seller": N_("Seller"),
    "platform": N_("The marketplace"),
    "system": N_("System"),
}
# What was done, by what its button says; a verb whose words are not here is told as its button has it.
DONE: dict[str, str] = {
    "Submit the requirement": N_("Requirement submitted"),
    "Submit the identification code": N_("Identification code submitted"),
    "Reject the identification code": N_("Identification code rejected"),
    "Confirm the requirement": N_("Requirement confirmed"),
    "Reject the requirement": N_("Requirement rejected"),
    "Deliver the application": N_("Application delivered"),
    "Deliver the licence": N_("Licence handed over"),
    "Deliver the data": N_("Data delivered"),
    "Licence delivered": N_("Licence delivered offline"),
    "Deployed": N_("Software package deployed"),
    "Delivered": N_("Delivery confirmed"),
    "Shipped": N_("Parcel sent"),
    "Change the address": N_("Address changed"),
    "Show it to the buyer": N_("Shown to the buyer"),
    "Confirm it": N_("Confirmed by the buyer"),
    "Ask for changes": N_("Changes asked for"),
    "Claim the code": N_("Code claimed"),
    "The code is activated": N_("Code activated"),
    "Hand in the proof": N_("Proof handed in"),
    "Approve the proof": N_("Proof approved"),
    "Return the proof": N_("Proof returned"),
    "Accept the delivery": N_("Delivery accepted"),
    "Reject the delivery": N_("Delivery rejected"),
    "Appeal to the marketplace": N_("Appeal opened"),
    "Add a statement": N_("Statement added"),
    "Withdraw the appeal": N_("Appeal withdrawn"),
    "Log a contact": N_("Contact logged"),
    "Ask the buyer for more evidence": N_("Asked the buyer for more evidence"),
    "Ask the seller for more evidence": N_("Asked the seller for more evidence"),
    "Propose a settlement": N_("Settlement proposed"),
    "Hand in what is asked for": N_("Handed in what was asked for"),
    "Take the request back": N_("Request taken back"),
    "Take the proposal back": N_("Proposal taken back"),
    "Agree to the proposal": N_("Agreed to the proposal"),
    "Decline the proposal": N_("Declined the proposal"),
    "Confirm the decision": N_("Decision confirmed"),
    "Return the decision": N_("Decision returned"),
    "Ask for a refund": N_("Refund asked for"),
    "Agree to the refund": N_("Agreed to the refund"),
    "Refuse the refund": N_("Refund refused"),
    "Contact the seller": N_("Seller contacted"),
    "Withdraw the request": N_("Request withdrawn"),
    "Return what was received": N_("Return asked for"),
    "Agree to the return": N_("Agreed to the return"),
    "Refuse the return": N_("Return refused"),
    "Withdraw the return": N_("Return withdrawn"),
    "Send it back": N_("Goods sent back"),
    "Something is wrong with the goods": N_("Goods contested"),
}


def done(verb: Verb) -> str:
    """The message id of a verb once it was done."""
    return DONE.get(verb.label, verb.label)
