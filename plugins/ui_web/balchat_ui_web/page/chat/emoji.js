/** Emoji by short names: a small list of the page's own, those that were used last first. */

/** `name emoji`, the usual ones before the others. A name may have several words, joined by `_`. */
const LIST = `
thumbsup 👍 thumbsdown 👎 heart ❤️ joy 😂 smile 😄 grin 😁 grinning 😀 smiley 😃 laughing 😆 sweat_smile 😅 rofl 🤣
slightly_smiling 🙂 upside_down 🙃 wink 😉 blush 😊 innocent 😇 in_love 🥰 heart_eyes 😍 star_struck 🤩 kiss 😘 yum 😋
tongue 😛 zany 🤪 hug 🤗 hand_over_mouth 🤭 shush 🤫 thinking 🤔 salute 🫡 neutral 😐 expressionless 😑 no_mouth 😶
smirk 😏 unamused 😒 eye_roll 🙄 grimace 😬 relieved 😌 pensive 😔 sleepy 😪 sleeping 😴 mask 😷 fever 🤒 hurt 🤕
nauseated 🤢 vomit 🤮 sneeze 🤧 hot 🥵 cold 🥶 woozy 🥴 dizzy 😵 mind_blown 🤯 cowboy 🤠 party 🥳 disguised 🥸 cool 😎
nerd 🤓 monocle 🧐 confused 😕 worried 😟 sad 🙁 open_mouth 😮 astonished 😲 flushed 😳 pleading 🥺 tears 🥹 fearful 😨
anxious 😰 cry 😢 sob 😭 scream 😱 disappointed 😞 sweat 😓 weary 😩 tired 😫 yawn 🥱 huffing 😤 angry 😠 rage 😡
swearing 🤬 devil 😈 skull 💀 poop 💩 clown 🤡 ghost 👻 alien 👽 robot 🤖 cat_smile 😺 see_no_evil 🙈 hear_no_evil 🙉
speak_no_evil 🙊 wave 👋 raised_hand ✋ ok_hand 👌 pinched 🤌 victory ✌️ fingers_crossed 🤞 love_you 🤟 horns 🤘
call_me 🤙 point_left 👈 point_right 👉 point_up 👆 point_down 👇 fist ✊ punch 👊 clap 👏 raised_hands 🙌 heart_hands 🫶
handshake 🤝 pray 🙏 writing ✍️ muscle 💪 brain 🧠 eyes 👀 eye 👁️ lips 💋 baby 👶 shrug 🤷 facepalm 🤦 bow 🙇 running 🏃
dancing 💃 walking 🚶 family 👪 orange_heart 🧡 yellow_heart 💛 green_heart 💚 blue_heart 💙 purple_heart 💜 black_heart 🖤
white_heart 🤍 broken_heart 💔 two_hearts 💕 sparkling_heart 💖 hundred 💯 collision 💥 dash 💨 zzz 💤 speech 💬 thought 💭
dog 🐶 cat 🐱 mouse 🐭 rabbit 🐰 fox 🦊 bear 🐻 panda 🐼 tiger 🐯 lion 🦁 cow 🐮 pig 🐷 frog 🐸 monkey 🐵 chicken 🐔
penguin 🐧 bird 🐦 owl 🦉 horse 🐴 unicorn 🦄 bee 🐝 butterfly 🦋 snail 🐌 turtle 🐢 snake 🐍 octopus 🐙 fish 🐟
dolphin 🐬 whale 🐳 shark 🦈 elephant 🐘 onion 🧅 rose 🌹 tulip 🌷 sunflower 🌻 blossom 🌸 bouquet 💐 clover 🍀 herb 🌿
tree 🌳 palm 🌴 cactus 🌵 mushroom 🍄 earth 🌍 moon 🌙 sun ☀️ star ⭐ sparkles ✨ lightning ⚡ fire 🔥 rainbow 🌈 cloud ☁️
rain 🌧️ snowflake ❄️ snowman ⛄ umbrella ☔ droplet 💧 ocean 🌊 apple 🍎 pear 🍐 orange 🍊 lemon 🍋 banana 🍌 melon 🍉
grapes 🍇 strawberry 🍓 cherries 🍒 peach 🍑 pineapple 🍍 avocado 🥑 tomato 🍅 aubergine 🍆 carrot 🥕 corn 🌽 pepper 🌶️
bread 🍞 croissant 🥐 cheese 🧀 egg 🥚 pancakes 🥞 burger 🍔 fries 🍟 pizza 🍕 sandwich 🥪 taco 🌮 burrito 🌯 salad 🥗
spaghetti 🍝 ramen 🍜 sushi 🍣 rice 🍚 ice_cream 🍦 doughnut 🍩 cookie 🍪 cake 🎂 chocolate 🍫 popcorn 🍿 coffee ☕ tea 🍵
mate 🧉 beer 🍺 cheers 🍻 wine 🍷 cocktail 🍸 champagne 🍾 football ⚽ basketball 🏀 tennis 🎾 trophy 🏆 medal 🏅 dart 🎯
dice 🎲 chess ♟️ game 🎮 guitar 🎸 music 🎵 headphones 🎧 microphone 🎤 film 🎬 art 🎨 theatre 🎭 ticket 🎫 tada 🎉
balloon 🎈 gift 🎁 christmas_tree 🎄 pumpkin 🎃 car 🚗 taxi 🚕 bus 🚌 train 🚆 metro 🚇 bike 🚲 plane ✈️ rocket 🚀 ship 🚢
sailboat ⛵ anchor ⚓ house 🏠 office 🏢 hospital 🏥 school 🏫 castle 🏰 tent ⛺ beach 🏖️ mountain ⛰️ map 🗺️ compass 🧭
watch ⌚ alarm ⏰ hourglass ⏳ phone 📱 telephone ☎️ computer 💻 keyboard ⌨️ printer 🖨️ camera 📷 television 📺 bulb 💡
torch 🔦 candle 🕯️ book 📖 books 📚 newspaper 📰 bookmark 🔖 money 💰 credit_card 💳 envelope ✉️ email 📧 package 📦
mailbox 📫 pencil ✏️ memo 📝 folder 📁 calendar 📅 chart 📈 clipboard 📋 pushpin 📌 paperclip 📎 scissors ✂️ lock 🔒
unlock 🔓 key 🔑 hammer 🔨 wrench 🔧 gear ⚙️ link 🔗 magnet 🧲 microscope 🔬 telescope 🔭 satellite 📡 pill 💊 door 🚪 bed 🛏️
toilet 🚽 shower 🚿 bath 🛁 broom 🧹 soap 🧼 bell 🔔 no_bell 🔕 megaphone 📣 warning ⚠️ prohibited 🚫 check ✅ cross ❌
question ❓ exclamation ❗ plus ➕ minus ➖ recycle ♻️ infinity ♾️ radioactive ☢️ peace ☮️ yin_yang ☯️ up ⬆️ down ⬇️ left ⬅️
right ➡️ new 🆕 free 🆓 sos 🆘 red_circle 🔴 green_circle 🟢 blue_circle 🔵 white_flag 🏳️ pirate 🏴‍☠️ rainbow_flag 🏳️‍🌈
`;

const KEPT_AS = "emoji";
const RECENT = 16;

/** @type {{name: string, emoji: string}[] | undefined} */
let list;

function all() {
  if (list === undefined) {
    const words = LIST.trim().split(/\s+/);
    list = [];
    for (let index = 0; index < words.length; index += 2) {
      list.push({ name: /** @type {string} */ (words[index]), emoji: /** @type {string} */ (words[index + 1]) });
    }
  }
  return list;
}

/** Return what was used last, the newest first, and then the usual ones. @param {number} count */
export function favourites(count) {
  const usual = all().map((each) => each.emoji);
  return [...new Set([...recent(), ...usual])].slice(0, count);
}

/** @returns {string[]} */
function recent() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT_AS) ?? "[]");
    return Array.isArray(kept) ? kept.filter((each) => typeof each === "string") : [];
  } catch {
    return [];
  }
}

/** Remember that an emoji was used, for as long as this tab is open. @param {string} emoji */
export function used(emoji) {
  sessionStorage.setItem(KEPT_AS, JSON.stringify([...new Set([emoji, ...recent()])].slice(0, RECENT)));
}

/**
 * Return the emoji whose names have a word that begins as given: recent ones first, then whole words, then the others.
 * @param {string} beginning
 * @param {number} [most]
 */
export function emojiFor(beginning, most = 8) {
  const wanted = beginning.toLowerCase();
  const lately = recent();
  const rank = (/** @type {{name: string, emoji: string}} */ each) => {
    const place = lately.indexOf(each.emoji);
    if (place >= 0) return place - RECENT;
    return each.name === wanted ? 0 : each.name.startsWith(wanted) ? 1 : 2;
  };
  return all()
    .filter((each) => each.name.startsWith(wanted) || each.name.includes(`_${wanted}`))
    .sort((one, other) => rank(one) - rank(other))
    .slice(0, most);
}
