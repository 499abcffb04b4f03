// Every word that the widget says by itself, in both languages.
const WORDS = {
  zh: {
    open: '打开在线客服', close: '关闭', unread: (n) => `${n} 条未读消息`,
    connecting: '正在连接…', offline: '网络断开，正在重连…', bot: '智能客服为您服务',
    staff: (name) => `人工客服${name ? ' ' + name : ''} 正在为您服务`,
    joined: (name) => `人工客服${name ? ' ' + name : ''} 已接入`,
    left: '人工客服已结束服务，智能客服继续为您服务',
    byBot: '智能客服', byStaff: (name) => name || '人工客服', byMe: '我',
    log: '对话记录', field: '输入消息', hint: '请输入您的问题…', send: '发送', picture: '发送图片', pictureShown: '图片',
    older: '查看更早的消息', news: '有新消息', typing: '正在输入',
    sending: '发送中…', sent: '已送达', failed: '未送达', retry: '重试',
    tooLong: (n) => `超过 ${n} 字，请分几条发送`, tooFast: '发送太快了，稍等一下会自动发出',
    pictureTooLarge: '图片超过 5 MB，请压缩后再发', pictureKind: '只能发送 PNG、JPEG、GIF 或 WebP 图片',
    pictureGone: '图片已过期', newTab: '（在新窗口打开）',
  },
  en: {
    open: 'Open customer service chat', close: 'Close', unread: (n) => `${n} unread`,
    connecting: 'Connecting…', offline: 'Connection lost, reconnecting…', bot: 'Our assistant is here for you',
    staff: (name) => `${name || 'A member of our staff'} is here for you`,
    joined: (name) => `${name || 'A member of our staff'} has joined`,
    left: 'Our staff have left; the assistant goes on',
    byBot: 'Assistant', byStaff: (name) => name || 'Staff', byMe: 'You',
    log: 'Conversation', field: 'Message', hint: 'Write your question…', send: 'Send', picture: 'Send a picture',
    pictureShown: 'Picture', older: 'Earlier messages', news: 'New messages', typing: 'is writing',
    sending: 'Sending…', sent: 'Delivered', failed: 'Not delivered', retry: 'Try again',
    tooLong: (n) => `Longer than ${n} characters: please send it in parts`,
    tooFast: 'A little too fast: this will leave by itself in a moment',
    pictureTooLarge: 'This picture is larger than 5 MB', pictureKind: 'Only PNG, JPEG, GIF or WebP pictures can be sent',
    pictureGone: 'This picture is no longer kept', newTab: ' (opens in a new window)',
  },
};

function languageOf(wish) {
  return /^zh/i.test(wish || navigator.language || '') ? 'zh' : 'en';
}
