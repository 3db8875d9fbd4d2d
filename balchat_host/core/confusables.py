"""Letters and digits of other scripts that look like the ones of an onion address.

Made from the confusables of UTS 39 and from the names in the Unicode character database ("… WITH STROKE", "SMALL
CAPITAL …", "NEGATIVE SQUARED …"). Left out is what comes to the same by compatibility decomposition (NFKD).
"""

import unicodedata
from typing import Final

_LOOK_ALIKES: Final = {
    "2": "ƧϨᒿꙄꛯꝚ",
    "3": "ƷȜЗӠⳌꝪꞫ𑣊𖼻𝈆",
    "4": "Ꮞ𑢯",
    "5": "Ƽ𑢻",
    "6": "бᏮⳒ𑣕",
    "7": "𐓒𑣆𝈒",
    "8": "Ȣȣ৪੪𐌚\U0001e8cb",
    "9": "৭੧୨൭ⳊꝮ𑢬𑣌𑣖",
    "a": "ȺɑΑαАаᎪᗅᴀᶏẚ⍺ⱥꓮ𐊠𖽀🅐🅰🇦",
    "b": "ƀƁƂƃƄɃɓʙΒВЬᏏᏴᑲᖯᗷᵬᶀꓐꞖꞗꞴ𐊂𐊡𐌁🅑🅱🇧",
    "c": "ƇƈȻȼɕΣςСсᏟᴄⲤⲥꓚꞒꞓꞔꟄꮯ𐊢𐌂𐐕𐐽𐔜𑣩𑣲𝼝🅒🅲🇨🝌",
    "d": "ĐđƊƋƌȡɖɗԁᎠᏧᑯᗞᗪᴅᵭᶁᶑꓒꓓꟇꟈ🅓🅳🆥🇩",
    "e": "ɆɇΕЕеҽᎬᴇᶒ℮⋿ⱸⴹꓰꬲꬴ𐊆𑢦𑢮🅔🅴🇪",
    "f": "ƑƒϜքᖴᵮᶂẝꓝꜰꞘꞙꬵ𐊇𐊥𐔥𑢢𑣂𝈓🅕🅵🇫",
    "g": "ƍƓǤǥɠɡɢʛԌցᏀᏳᶃꓖꞠꞡꞬꬶ🅖🅶🇬",
    "h": "ĦħɦʜΗНһհᎻᏂᕼⱧⱨⲎꓧꞕꞪ𐋏🅗🅷🇭",
    "i": "ıƗɨɩɪιіӏᎥᶖ⍳ꙇꞮꭵ𑣃𝼚🅘🅸🇮",
    "j": "ȷɈɉɟʄʝͿϳЈјᎫᒍᴊꓙꞲ🅙🅹🇯",
    "k": "ƘƙΚКᏦᛕᴋᶄⱩⱪⲔꓗꝀꝁꝂꝃꝄꝅꞢꞣ𐔘🅚🅺🇰",
    "l": "ĿŀŁłƖƚǀȴȽɫɬɭʟΙІӀ۱Ꮮᒪᛁᴌᶅ∣⏽│ⱠⱡⱢⲒⳐⵏꓡꓲꝈꝉꞎꞭꬷꬸꬹ𐊊𐌉𐌠𐐛𐔦𑢣𑢲𖼖𖼨𝈪𝼄𝼑𝼓🅛🅻🇱\u05c0\u05d5\u05df\u0627\u0661\u07ca\U0001e8c7",
    "m": "ɱΜϺМᎷᗰᛖᴍᵯᶆⱮⲘꓟꬺ𐊰𐌑🅜🅼🇲",
    "n": "ƝƞȠȵɲɳɴΝոռᵰᶇⲚꓠꞐꞑꞤꞥꬻ𐔓🅝🅽🇳",
    "o": "ØøƟΟοσОоՕօ۵०০੦૦ଠ୦௦౦೦ഠ൦๐໐ဝ၀ჿዐᴏᴑⱺⲞⲟⵔ〇ꓳꝊꝋꝌꝍꬽ𐊒𐊫𐐄𐐬𐓂𐓪𐔖𑓐𑢵𑣈𑣗𑣠𝼛🅞🅾🇴\u05e1\u0647\u0665\u06be\u06c1\u06d5\u07c0",
    "p": "ƤƥΡρРрᏢᑭᴘᵱᵽᶈ⍴ⱣⲢⲣꓑꝐꝑꝒꝓꝔꝕ𐊕🅟🅿🇵",
    "q": "ɋʠԛգզⵕꝖꝗꝘꝙꞯ🅠🆀🇶",
    "r": "ƦɌɍɼɽɾʀгᎡᏒᖇᴦᵲᵳᶉⱤⲅꓣꞦꞧꭆꭇꭈꭉꭋꭌꮁ𐒴𖼵𝈖𝼖🅡🆁🇷",
    "s": "ƽȿʂЅѕՏᏕᏚᵴᶊⱾꓢꜱꞨꞩꟅꟉꟊꮪ𐊖𐐠𐑈𑣁𖼺𝼞🅢🆂🇸",
    "t": "ŦŧƫƬƭƮȶȾʈΤТᎢᴛᵵ⊤⟙ⱦⲦꓔ𐊗𐊱𐌕𑢼𖼊𝼉🅣🆃🇹🝨",
    "u": "ʋυՍսሀᑌᴜᶙ∪⋃ꓴꞟꞸꞹꭎꭒ𐓎𐓶𑢸𑣘𖽂🅤🆄🇺",
    "v": "ƲνѴѵ۷Ꮩᐯᴠ∨⋁ⱱⱴⴸꓦꛟꝞꝟꮩ𐔝𑜆𑢠𑣀𖼈𝈍🅥🆅🇻\u05d8\u0667",
    "w": "ɯѡԜԝաᎳᏔᴡⱲⱳꓪꮃ𑜊𑜎𑜏𑣦𑣯🅦🆆🇼",
    "x": "×ΧХхᕁᕽ᙭᙮ᚷᶍ╳⤫⤬⨯ⲬⵝꓫꞳꭖꭗꭘꭙ𐊐𐊴𐌗𐌢𐔧𑣬🅧🆇🇽",
    "y": "ƳƴɎɏɣʏΥγУуҮүყᎩᎽᶌỾỿⲨꓬꭚ𐊲𑢤𑣜𖽃🅨🆈🇾",
    "z": "ƵƶȤȥɀʐʑΖᏃᴢᵶᶎⱫⱬⱿꓜꟆꮓ𐋵𑢩𑣄𑣥🅩🆉🇿",
}
_FOLDED: Final = {ord(other): plain for plain, others in _LOOK_ALIKES.items() for other in others}


def folded(text: str) -> str:
    """Return how a text looks in small letters and digits of ASCII, as far as it does; marks and case are left out."""
    plain = unicodedata.normalize("NFKD", text).translate(_FOLDED)
    # Once more: in some scripts only the capital, or only the small letter, looks like one of ASCII.
    plain = unicodedata.normalize("NFKD", plain.casefold()).translate(_FOLDED)
    return "".join(each for each in plain if not unicodedata.category(each).startswith("M"))
