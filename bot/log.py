# bot.log
